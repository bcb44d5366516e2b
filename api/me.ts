import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { meSchema } from '../domain/me.ts';
import type { Services } from '../services/context.ts';
import { getMe } from '../services/me.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const get = createRoute({
  method: 'get',
  path: '/me',
  description: 'Who is asking: user, tenant, roles, and how the user is known outside.',
  responses: {
    200: { description: 'The user.', content: { 'application/json': { schema: meSchema } } },
    ...problemResponses,
  },
});

/** Routes about whoever asks. */
export function meRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>().openapi(get, async (c) =>
    c.json(await getMe({ ...services, actor: c.get('actor') }), 200),
  );
}
