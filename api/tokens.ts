import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { tokenRequestSchema, tokenResponseSchema } from '../domain/token.ts';
import type { Services } from '../services/context.ts';
import { issueToken } from '../services/tokens.ts';
import type { ApiEnvironment } from './environment.ts';
import { setHeader } from './middleware/headers.ts';
import { optionalJson } from './middleware/optional-json.ts';
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
  return app.post(createToken.path, optionalJson(tokenRequestSchema), async (c) => {
    const token = await issueToken({ ...services, actor: c.get('actor') }, c.req.valid('json'));
    setHeader(c, 'cache-control', 'no-store');
    return c.json(token, 201);
  });
}
