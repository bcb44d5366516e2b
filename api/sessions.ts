import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { claimSchema, renewalSchema } from '../domain/session.ts';
import type { Services } from '../services/context.ts';
import { dispatchForReturning } from '../services/dispatches.ts';
import { claimSession, releaseSession, renewSession } from '../services/sessions.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });

const claim = createRoute({
  method: 'post',
  path: '/sessions/claim',
  description: 'Trades the LiveKit join token of a job for its session and a session token.',
  responses: {
    200: { description: 'The session is the job’s.', content: { 'application/json': { schema: claimSchema } } },
    ...problemResponses,
  },
});

const heartbeat = createRoute({
  method: 'post',
  path: '/sessions/{id}/heartbeat',
  description: "Prolongs the job's lease and gives it the next session token.",
  request: { params },
  responses: {
    200: { description: 'The lease is renewed.', content: { 'application/json': { schema: renewalSchema } } },
    ...problemResponses,
  },
});

const release = createRoute({
  method: 'delete',
  path: '/sessions/{id}/lease',
  description:
    'Gives the lease back; another job can claim the session at once. With `personLeft` the next agent is dispatched at once for a ' +
    'person who is back already; a job that ends for another reason must not be followed without a pause.',
  request: { params, query: z.object({ personLeft: z.enum(['true', 'false']).default('false') }) },
  responses: { 204: { description: 'The job no longer holds the session.' }, ...problemResponses },
});

/** Routes a job keeps its session with. */
export function sessionRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(claim, async (c) => {
      const claimed = await claimSession({ ...services, actor: c.get('actor') });
      c.header('cache-control', 'no-store');
      return c.json(claimed, 200);
    })
    .openapi(heartbeat, async (c) => {
      const sessionId = c.req.valid('param').id;
      const renewal = await renewSession({ ...services, actor: c.get('actor') }, { sessionId });
      c.header('cache-control', 'no-store');
      return c.json(renewal, 200);
    })
    .openapi(release, async (c) => {
      const sessionId = c.req.valid('param').id;
      const context = { ...services, actor: c.get('actor') };
      const released = await releaseSession(context, { sessionId });
      if (released && c.req.valid('query').personLeft === 'true') await dispatchForReturning(context, released);
      return c.body(null, 204);
    });
}
