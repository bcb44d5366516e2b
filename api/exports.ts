import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { userExportSchema } from '../domain/export.ts';
import type { Services } from '../services/context.ts';
import { readExport, requestExport } from '../services/exports.ts';
import type { ApiEnvironment } from './environment.ts';
import { problemResponses } from './problem.ts';

const content = { 'application/json': { schema: userExportSchema } };

const request = createRoute({
  method: 'post',
  path: '/me/exports',
  description: 'Asks for a copy of everything there is about the user, written within minutes and kept for a week.',
  responses: { 202: { description: 'The export to ask for later.', content }, ...problemResponses },
});

const read = createRoute({
  method: 'get',
  path: '/me/exports/{id}',
  description: 'An export the user has asked for, with its document once that is written.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: { 200: { description: 'The export.', content }, ...problemResponses },
});

/** Routes about copies of the user's data. */
export function exportRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(request, async (c) => c.json(await requestExport({ ...services, actor: c.get('actor') }), 202))
    .openapi(read, async (c) => {
      const exportId = c.req.valid('param').id;
      return c.json(await readExport({ ...services, actor: c.get('actor') }, { exportId }), 200);
    });
}
