import { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpConfig } from '../core/config/http.ts';
import type { Services } from '../services/context.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { type AccountServices, accountRoutes, authRoutes } from './auth.ts';
import { consentRoutes } from './consents.ts';
import { contextRoutes } from './contexts.ts';
import { deviceRoutes } from './devices.ts';
import { docsRoutes } from './docs.ts';
import type { ApiEnvironment } from './environment.ts';
import { exportRoutes } from './exports.ts';
import { factRoutes } from './facts.ts';
import { type HealthDependencies, healthRoutes } from './health.ts';
import { LeaseConnections } from './lease-connections.ts';
import { lexiconRoutes } from './lexicons.ts';
import { meRoutes } from './me.ts';
import { admit } from './middleware/admit.ts';
import type { Authenticator } from './middleware/authenticator.ts';
import { body } from './middleware/body.ts';
import { checks } from './middleware/checks.ts';
import { onError, onInvalid, onNotFound } from './middleware/errors.ts';
import { knownQuery } from './middleware/known-query.ts';
import { preface } from './middleware/preface.ts';
import { createRequestCounts } from './middleware/rate-limits.ts';
import { noteRoutes } from './notes.ts';
import { onboardingRoutes } from './onboarding.ts';
import { pairingRoutes } from './pairings.ts';
import { preferenceRoutes } from './preferences.ts';
import { profileRoutes } from './profiles.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { reminderRoutes } from './reminders.ts';
import { sessionRecordRoutes } from './session-records.ts';
import { sessionRoutes } from './sessions.ts';
import { summaryRoutes } from './summaries.ts';
import { tokenRoutes } from './tokens.ts';
import { transcriptionRoutes } from './transcriptions.ts';
import { turnRoutes } from './turns.ts';
import { webhookRoutes } from './webhooks.ts';

/** What the app works with. */
export type ApiDependencies = Services &
  AccountServices &
  HealthDependencies & {
    authenticator: Authenticator;
    http: HttpDependencies;
    /** Absent: made for this app, and ended by nobody. */
    leaseConnections?: LeaseConnections;
  };

/** Who may call, and how often. */
export interface HttpDependencies extends Pick<HttpConfig, 'corsOrigins' | 'trustedProxies'> {
  /** Absent: as often as they like. */
  limiter?: RateLimiter;
}

/** The whole HTTP interface; answers requests without a server too, through `app.request`. */
export function createApp(deps: ApiDependencies) {
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: onInvalid });
  app.notFound(onNotFound);
  const { corsOrigins, limiter, trustedProxies } = deps.http;
  const counts = limiter && createRequestCounts({ limiter, trustedProxies, cipher: deps.cipher });
  app.onError(onError(deps.log, counts));
  app.use(checks(preface(corsOrigins), body, knownQuery(app), ...(counts ? [counts.byAddress] : [])));
  const open = app.route('/', healthRoutes(deps)).route('/', webhookRoutes(deps)).route('/api/v1', authRoutes(deps));
  open.use('/api/*', checks(admit({ authenticator: deps.authenticator, counts })));
  const routes = open
    .route('/api/v1', accountRoutes(deps))
    .route('/api/v1', tokenRoutes(deps))
    .route('/api/v1', sessionRoutes(deps, deps.leaseConnections ?? new LeaseConnections()))
    .route('/api/v1', profileRoutes(deps))
    .route('/api/v1', onboardingRoutes(deps))
    .route('/api/v1', turnRoutes(deps))
    .route('/api/v1', noteRoutes(deps))
    .route('/api/v1', sessionRecordRoutes(deps))
    .route('/api/v1', meRoutes(deps))
    .route('/api/v1', exportRoutes(deps))
    .route('/api/v1', preferenceRoutes(deps))
    .route('/api/v1', contextRoutes(deps))
    .route('/api/v1', factRoutes(deps))
    .route('/api/v1', summaryRoutes(deps))
    .route('/api/v1', reminderRoutes(deps))
    .route('/api/v1', deviceRoutes(deps))
    .route('/api/v1', pairingRoutes(deps))
    .route('/api/v1', consentRoutes(deps))
    .route('/api/v1', transcriptionRoutes(deps))
    .route('/api/v1', lexiconRoutes(deps))
    .route('/api/v1', apiKeyRoutes(deps));
  routes.route('/', docsRoutes(routes));
  return routes;
}

/** The routes with their inputs and outputs, for Hono's typed client. */
export type App = ReturnType<typeof createApp>;
