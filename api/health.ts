import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { ApiEnvironment } from './environment.ts';

/** What readiness depends on. */
export interface HealthDependencies {
  /** Rejects while the database doesn't answer. */
  ping(): Promise<void>;
  /** True once the process was told to stop. */
  isDraining(): boolean;
}

const status = <T extends string>(value: T) => ({
  'application/json': { schema: z.object({ status: z.literal(value) }) },
});

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  security: [],
  description: 'Whether the process runs.',
  responses: { 200: { description: 'It does.', content: status('ok') } },
});

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  security: [],
  description: 'Whether requests should be sent here.',
  responses: {
    200: { description: 'They should.', content: status('ready') },
    503: {
      description: 'Not now: the process is about to stop, or its database is away.',
      content: status('not ready'),
    },
  },
});

/** Routes for whoever watches the process; they need no token. */
export function healthRoutes({ ping, isDraining }: HealthDependencies) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(healthz, (c) => c.json({ status: 'ok' }, 200))
    .openapi(readyz, async (c) => {
      const reachable = await ping().then(
        () => true,
        () => false,
      );
      return reachable && !isDraining() ? c.json({ status: 'ready' }, 200) : c.json({ status: 'not ready' }, 503);
    });
}
