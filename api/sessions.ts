import { setTimeout as sleep } from 'node:timers/promises';
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { reasonOf } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import { callEndingSchema, checkpointSchema, claimSchema, renewalSchema } from '../domain/session.ts';
import type { Services } from '../services/context.ts';
import { connectJob, loseJob, saveCheckpoint } from '../services/continuity.ts';
import { acceptDispatch, dispatchForReturning } from '../services/dispatches.ts';
import { claimSession, releaseSession, renewSession } from '../services/sessions.ts';
import type { ApiEnvironment } from './environment.ts';
import type { LeaseConnections } from './lease-connections.ts';
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

const acceptance = createRoute({
  method: 'post',
  path: '/sessions/accept',
  description:
    "A worker has taken on the job of the token's room: its agent is given time to join before another one is dispatched. Without " +
    'it the dispatch counts as lost.',
  responses: { 204: { description: 'The agent is expected.' }, ...problemResponses },
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
    'Gives the lease back; another job can claim the session at once. The next agent is dispatched at once for a person who is in the ' +
    'room, or back already; a job that failed must not be followed without a pause.',
  request: { params, query: z.object({ ending: callEndingSchema.default('failed') }) },
  responses: { 204: { description: 'The job no longer holds the session.' }, ...problemResponses },
});

const connection = createRoute({
  method: 'get',
  path: '/sessions/{id}/lease/connection',
  description:
    "Stays open while the job's process lives. When it ends and the job is not heard of again at once, the job is lost: its lease ends, and " +
    'a person who is in the room gets another agent.',
  request: { params },
  responses: {
    200: {
      description: 'An event `connected`, then comments that keep the connection open.',
      // Of each event.
      content: { 'text/event-stream': { schema: z.object({ event: z.literal('connected'), data: z.string() }) } },
    },
    ...problemResponses,
  },
});

const checkpoint = createRoute({
  method: 'put',
  path: '/sessions/{id}/checkpoint',
  description: 'Keeps where the call is, for the job that goes on with it should this one be lost.',
  request: { params, body: { content: { 'application/json': { schema: checkpointSchema } }, required: true } },
  responses: { 204: { description: 'It is kept.' }, ...problemResponses },
});

/** Routes a job keeps its session with. */
export function sessionRoutes(services: Services, connections: LeaseConnections) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(claim, async (c) => {
      const claimed = await claimSession({ ...services, actor: c.get('actor') });
      c.header('cache-control', 'no-store');
      return c.json(claimed, 200);
    })
    .openapi(acceptance, async (c) => {
      await acceptDispatch({ ...services, actor: c.get('actor') });
      return c.body(null, 204);
    })
    .openapi(heartbeat, async (c) => {
      const sessionId = c.req.valid('param').id;
      const renewal = await renewSession({ ...services, actor: c.get('actor') }, { sessionId });
      c.header('cache-control', 'no-store');
      return c.json(renewal, 200);
    })
    .openapi(connection, async (c) => {
      const sessionId = c.req.valid('param').id;
      const context = { ...services, actor: c.get('actor') };
      await connectJob(context, { sessionId });
      const wait = () => sleep(lifetimes.lostJobMs);
      const onLost = () =>
        loseJob(context, { sessionId, wait }).catch((error: unknown) =>
          services.log.error({ sessionId, reason: reasonOf(error) }, 'the watchdog is left to find out about a job'),
        );
      return c.body(connections.open(onLost), 200, {
        'content-type': 'text/event-stream',
        // nginx would keep events until it has a page of them.
        'x-accel-buffering': 'no',
      });
    })
    .openapi(checkpoint, async (c) => {
      const { id: sessionId } = c.req.valid('param');
      const context = { ...services, actor: c.get('actor') };
      await saveCheckpoint(context, { sessionId, checkpoint: c.req.valid('json') });
      return c.body(null, 204);
    })
    .openapi(release, async (c) => {
      const sessionId = c.req.valid('param').id;
      const context = { ...services, actor: c.get('actor') };
      const { ending } = c.req.valid('query');
      const released = await releaseSession(context, { sessionId, ending });
      if (released && ending !== 'failed') await dispatchForReturning(context, released);
      return c.body(null, 204);
    });
}
