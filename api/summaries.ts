import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { summarySchema } from '../domain/summary.ts';
import type { Services } from '../services/context.ts';
import { getSummary } from '../services/summaries.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const get = createRoute({
  method: 'get',
  path: '/sessions/{id}/summary',
  description: 'What a session was about, once a job has written it down after its end; 404 until then.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: {
    200: { description: 'The summary.', content: { 'application/json': { schema: summarySchema } } },
    ...problemResponses,
  },
});

/** The route to what a session was about. */
export function summaryRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>().openapi(get, async (c) => {
    const sessionId = c.req.valid('param').id;
    return c.json(await getSummary({ ...services, actor: c.get('actor') }, { sessionId }), 200);
  });
}
