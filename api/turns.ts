import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { sizes } from '../core/limits.ts';
import { newTurnSchema, turnSchema } from '../domain/conversation.ts';
import type { Services } from '../services/context.ts';
import { appendTurn, listTurns } from '../services/turns.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
/** What the database's integers hold. */
const largestPosition = 2 ** 31 - 1;
const turn = { 'application/json': { schema: turnSchema } };

const append = createRoute({
  method: 'post',
  path: '/sessions/{id}/turns',
  description: "Adds a turn to the agent's session, at its position or at the end. Its id is the idempotency key.",
  request: { params, body: { required: true, content: { 'application/json': { schema: newTurnSchema } } } },
  responses: {
    200: { description: 'The turn was there already, as answered.', content: turn },
    201: { description: 'The turn is added.', content: turn },
    ...problemResponses,
  },
});

const list = createRoute({
  method: 'get',
  path: '/sessions/{id}/turns',
  description: 'The turns of a session in order, a page at a time.',
  request: {
    params,
    query: z.object({
      after: z.coerce
        .number<string>()
        .int()
        .min(0)
        .max(largestPosition)
        .optional()
        .describe('Only turns behind this position.'),
      limit: z.coerce.number<string>().int().min(1).max(sizes.turnsPerPage).optional(),
    }),
  },
  responses: {
    200: {
      description: 'The turns.',
      content: { 'application/json': { schema: z.object({ turns: z.array(turnSchema) }).meta({ id: 'Turns' }) } },
    },
    ...problemResponses,
  },
});

/** Routes about what was said. */
export function turnRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(append, async (c) => {
      const input = { sessionId: c.req.valid('param').id, turn: c.req.valid('json') };
      const { turn, created } = await appendTurn({ ...services, actor: c.get('actor') }, input);
      return created ? c.json(turn, 201) : c.json(turn, 200);
    })
    .openapi(list, async (c) => {
      const input = { sessionId: c.req.valid('param').id, ...c.req.valid('query') };
      return c.json({ turns: await listTurns({ ...services, actor: c.get('actor') }, input) }, 200);
    });
}
