import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { apiKeySchema, createdApiKeySchema, newApiKeySchema } from '../domain/api-key.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../services/api-keys.ts';
import type { Services } from '../services/context.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const list = createRoute({
  method: 'get',
  path: '/api-keys',
  description: "The tenant's API keys, the newest first, without their secrets. For admins.",
  request: { query: z.object(pageQuery) },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ apiKeys: z.array(apiKeySchema), nextCursor }).meta({ id: 'ApiKeys' }),
        },
      },
    },
    ...problemResponses,
  },
});

const create = createRoute({
  method: 'post',
  path: '/api-keys',
  description: 'Makes an API key. Its secret is in this answer and in no other. For admins.',
  request: { body: { required: true, content: { 'application/json': { schema: newApiKeySchema } } } },
  responses: {
    201: { description: 'The key and its secret.', content: { 'application/json': { schema: createdApiKeySchema } } },
    ...problemResponses,
  },
});

const revoke = createRoute({
  method: 'delete',
  path: '/api-keys/{id}',
  description: 'Makes an API key worthless at once; it stays in the list. For admins.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 204: { description: 'It is worthless.' }, ...problemResponses },
});

/** Routes about the keys of servers. */
export function apiKeyRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const page = await listApiKeys({ ...services, actor: c.get('actor') }, pageRequestOf(c.req.valid('query')));
      return c.json({ apiKeys: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(create, async (c) => {
      const created = await createApiKey({ ...services, actor: c.get('actor') }, c.req.valid('json'));
      c.header('cache-control', 'no-store');
      return c.json(created, 201);
    })
    .openapi(revoke, async (c) => {
      await revokeApiKey({ ...services, actor: c.get('actor') }, { apiKeyId: c.req.valid('param').id });
      return c.body(null, 204);
    });
}
