import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import {
  newPairingSchema,
  pairingClaimSchema,
  pairingSchema,
  pairingTokenRequestSchema,
  pairingWithCodeSchema,
} from '../domain/pairing.ts';
import { tokenResponseSchema } from '../domain/token.ts';
import type { Services } from '../services/context.ts';
import { claimPairing } from '../services/pairing-claims.ts';
import { issuePairingToken } from '../services/pairing-presence.ts';
import { createPairing, endPairing, getPairing, listPairings, renewPairingCode } from '../services/pairings.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const bodyOf = <T extends z.ZodType>(schema: T) => ({ required: true, content: { 'application/json': { schema } } });
const answerOf = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
});

const create = createRoute({
  method: 'post',
  path: '/pairings',
  description:
    'Makes a pairing for the computer that asks, with a code for the phone, good for five minutes. Without `sessionId` it gets ' +
    'a new session, which begins with the dictation agent.',
  request: { body: bodyOf(newPairingSchema) },
  responses: { 201: answerOf('The pairing and its code.', pairingWithCodeSchema), ...problemResponses },
});

const list = createRoute({
  method: 'get',
  path: '/pairings',
  description: 'The pairings of the user, the newest first; those that have ended are kept for a day.',
  request: { query: z.object(pageQuery) },
  responses: {
    200: answerOf(
      'A page of them.',
      z.object({ pairings: z.array(pairingSchema), nextCursor }).meta({ id: 'Pairings' }),
    ),
    ...problemResponses,
  },
});

const claim = createRoute({
  method: 'post',
  path: '/pairings/claim',
  description:
    'Makes the phone that sends a code the phone of the pairing, once for each code. The fifth wrong code locks those of the ' +
    'pairings that wait for one.',
  request: { body: bodyOf(pairingClaimSchema) },
  responses: { 200: answerOf('The pairing.', pairingSchema), ...problemResponses },
});

const get = createRoute({
  method: 'get',
  path: '/pairings/{id}',
  description: 'One pairing.',
  request: { params },
  responses: { 200: answerOf('The pairing.', pairingSchema), ...problemResponses },
});

const end = createRoute({
  method: 'delete',
  path: '/pairings/{id}',
  description: 'Ends a pairing: both ends are told and taken out of the room. The session stays.',
  request: { params },
  responses: { 200: answerOf('The pairing, ended.', pairingSchema), ...problemResponses },
});

const renewCode = createRoute({
  method: 'post',
  path: '/pairings/{id}/code',
  description: 'Makes a new code, for the first phone or for one that takes over. The code before is void.',
  request: { params },
  responses: { 200: answerOf('The pairing and its code.', pairingWithCodeSchema), ...problemResponses },
});

const token = createRoute({
  method: 'post',
  path: '/pairings/{id}/token',
  description: 'A token to join the room: the phone speaks as the user, the computer only listens.',
  request: { params, body: bodyOf(pairingTokenRequestSchema) },
  responses: {
    201: answerOf('The token, as `POST /api/v1/token` gives it.', tokenResponseSchema),
    ...problemResponses,
  },
});

/** Routes about pairings; their WebSocket is `pairing-socket.ts`. */
export function pairingRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(create, async (c) => {
      c.header('cache-control', 'no-store');
      return c.json(await createPairing({ ...services, actor: c.get('actor') }, c.req.valid('json')), 201);
    })
    .openapi(list, async (c) => {
      const page = await listPairings({ ...services, actor: c.get('actor') }, pageRequestOf(c.req.valid('query')));
      return c.json({ pairings: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(claim, async (c) =>
      c.json(await claimPairing({ ...services, actor: c.get('actor') }, c.req.valid('json')), 200),
    )
    .openapi(get, async (c) => {
      const pairingId = c.req.valid('param').id;
      return c.json(await getPairing({ ...services, actor: c.get('actor') }, { pairingId }), 200);
    })
    .openapi(end, async (c) => {
      const pairingId = c.req.valid('param').id;
      return c.json(await endPairing({ ...services, actor: c.get('actor') }, { pairingId }), 200);
    })
    .openapi(renewCode, async (c) => {
      c.header('cache-control', 'no-store');
      const pairingId = c.req.valid('param').id;
      return c.json(await renewPairingCode({ ...services, actor: c.get('actor') }, { pairingId }), 200);
    })
    .openapi(token, async (c) => {
      c.header('cache-control', 'no-store');
      const place = { pairingId: c.req.valid('param').id, ...c.req.valid('json') };
      return c.json(await issuePairingToken({ ...services, actor: c.get('actor') }, place), 201);
    });
}
