import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { tokenRequestSchema, tokenResponseSchema } from '../domain/token.ts';
import type { Services } from '../services/context.ts';
import { issueToken } from '../services/tokens.ts';
import type { ApiEnvironment } from './environment.ts';
import { setHeaders } from './middleware/headers.ts';
import { type OptionalJson, optionalJson } from './optional-json.ts';
import { problemResponses } from './problem.ts';

const createToken = createRoute({
  method: 'post',
  path: '/token',
  description: "LiveKit's standard token endpoint: a token to join a room that an agent is in.",
  request: { body: { content: { 'application/json': { schema: tokenRequestSchema } } } },
  responses: {
    201: { description: 'The token.', content: { 'application/json': { schema: tokenResponseSchema } } },
    ...problemResponses,
  },
});

/** Routes about LiveKit tokens. */
export function tokenRoutes(services: Services) {
  const app = new OpenAPIHono<ApiEnvironment>();
  app.openAPIRegistry.registerPath(createToken);
  type Asked = Context<ApiEnvironment, typeof createToken.path, OptionalJson<typeof tokenRequestSchema>>;
  return app.post(createToken.path, async (c: Asked) => {
    const request = await optionalJson(c, tokenRequestSchema);
    const token = await issueToken({ ...services, actor: c.get('actor') }, request);
    setHeaders(c, { 'cache-control': 'no-store' });
    return c.json(token, 201);
  });
}
