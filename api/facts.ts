import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { factSchema, factStates, newFactSchema } from '../domain/fact.ts';
import type { Services } from '../services/context.ts';
import { forgetFact, keepFact, listFacts, proposeFact } from '../services/facts.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const fact = { 'application/json': { schema: factSchema } };

const list = createRoute({
  method: 'get',
  path: '/facts',
  description: 'What agents remember of the user, or propose to remember, the newest first.',
  request: {
    query: z.object({ ...pageQuery, state: z.enum(factStates).optional().describe('Only those; both when absent.') }),
  },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': { schema: z.object({ facts: z.array(factSchema), nextCursor }).meta({ id: 'Facts' }) },
      },
    },
    ...problemResponses,
  },
});

const propose = createRoute({
  method: 'post',
  path: '/facts',
  description:
    'Proposes something to be remembered of the person of the call, for agents. What is there already, whatever its case ' +
    'and spaces, is given back as it is. 403 when the person has refused the purpose `memory`, 409 when there are as many ' +
    'facts as there may be.',
  request: { body: { required: true, content: { 'application/json': { schema: newFactSchema } } } },
  responses: {
    200: { description: 'It was there already, as answered.', content: fact },
    201: { description: 'The fact, proposed.', content: fact },
    ...problemResponses,
  },
});

const keep = createRoute({
  method: 'post',
  path: '/facts/{id}/keep',
  description: 'Keeps a fact that the user agrees to. Once more changes nothing.',
  request: { params },
  responses: { 200: { description: 'The fact, kept.', content: fact }, ...problemResponses },
});

const forget = createRoute({
  method: 'delete',
  path: '/facts/{id}',
  description: 'Forgets a fact: one that was kept, or one that the user declines.',
  request: { params },
  responses: { 204: { description: 'It is gone.' }, ...problemResponses },
});

/** Routes about what is remembered of a person. */
export function factRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const { state, ...query } = c.req.valid('query');
      const page = await listFacts({ ...services, actor: c.get('actor') }, { ...pageRequestOf(query), state });
      return c.json({ facts: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(propose, async (c) => {
      const proposed = await proposeFact({ ...services, actor: c.get('actor') }, c.req.valid('json'));
      return proposed.created ? c.json(proposed.fact, 201) : c.json(proposed.fact, 200);
    })
    .openapi(keep, async (c) => {
      const factId = c.req.valid('param').id;
      return c.json(await keepFact({ ...services, actor: c.get('actor') }, { factId }), 200);
    })
    .openapi(forget, async (c) => {
      await forgetFact({ ...services, actor: c.get('actor') }, { factId: c.req.valid('param').id });
      return c.body(null, 204);
    });
}
