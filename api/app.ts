import { OpenAPIHono } from '@hono/zod-openapi';
import type { Services } from '../services/context.ts';
import type { ApiEnvironment } from './environment.ts';
import { type HealthDependencies, healthRoutes } from './health.ts';
import { type AuthenticationOptions, authenticate } from './middleware/authenticate.ts';
import { body } from './middleware/body.ts';
import { cors } from './middleware/cors.ts';
import { onError, onInvalid, onNotFound } from './middleware/errors.ts';
import { requestId } from './middleware/request-id.ts';
import { onboardingRoutes } from './onboarding.ts';
import { profileRoutes } from './profiles.ts';
import { sessionRoutes } from './sessions.ts';
import { tokenRoutes } from './tokens.ts';
import { turnRoutes } from './turns.ts';

/** What the app works with. */
export type ApiDependencies = Services & HealthDependencies & Pick<AuthenticationOptions, 'developmentToken'>;

/** The whole HTTP interface; answers requests without a server too, through `app.request`. */
export function createApp(deps: ApiDependencies) {
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: onInvalid });
  app.onError(onError(deps.log));
  app.notFound(onNotFound);
  app.use(requestId, cors, body);
  app.use('/api/*', authenticate({ ...deps, livekit: deps.settings.livekit }));
  return app
    .route('/', healthRoutes(deps))
    .route('/api/v1', tokenRoutes(deps))
    .route('/api/v1', sessionRoutes(deps))
    .route('/api/v1', profileRoutes(deps))
    .route('/api/v1', onboardingRoutes(deps))
    .route('/api/v1', turnRoutes(deps));
}

/** The routes with their inputs and outputs, for Hono's typed client. */
export type App = ReturnType<typeof createApp>;
