import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { profileSchema } from '../domain/profile.ts';
import type { Services } from '../services/context.ts';
import { getProfile } from '../services/profiles.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const getMine = createRoute({
  method: 'get',
  path: '/profiles/me',
  description: 'The profile of the user who asks, or whom the asking agent talks with.',
  responses: {
    200: { description: 'The profile.', content: { 'application/json': { schema: profileSchema } } },
    ...problemResponses,
  },
});

/** Routes about profiles. */
export function profileRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>().openapi(getMine, async (c) =>
    c.json(await getProfile({ ...services, actor: c.get('actor') }), 200),
  );
}
