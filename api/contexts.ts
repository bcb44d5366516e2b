import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { contextSchema } from '../domain/context.ts';
import type { Services } from '../services/context.ts';
import { getContext } from '../services/contexts.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const get = createRoute({
  method: 'get',
  path: '/context',
  description:
    'All an agent needs in one request: profile, preferences, onboarding, its session and the last turns of it, what is ' +
    'remembered of the person, and summaries of their last other sessions. A user gets the same, with the session that is named or none.',
  request: { query: z.object({ sessionId: z.uuid().optional().describe('An agent has but its own.') }) },
  responses: {
    200: { description: 'The context.', content: { 'application/json': { schema: contextSchema } } },
    ...problemResponses,
  },
});

/** The route agents begin a call with. */
export function contextRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>().openapi(get, async (c) =>
    c.json(await getContext({ ...services, actor: c.get('actor') }, c.req.valid('query')), 200),
  );
}
