import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { profileChangesSchema, profileSchema } from '../domain/profile.ts';
import type { Services } from '../services/context.ts';
import { getProfile, updateProfile } from '../services/profiles.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified, ownIdOf } from './etag.ts';
import { problemResponses } from './problem.ts';

const profile = { headers: etagHeader, content: { 'application/json': { schema: profileSchema } } };

const getMine = createRoute({
  method: 'get',
  path: '/profiles/me',
  description: 'The profile of the user who asks, or whom the asking agent talks with.',
  parameters: [ifNoneMatch],
  responses: { 200: { description: 'The profile.', ...profile }, ...notModified, ...problemResponses },
});

const updateMine = createRoute({
  method: 'patch',
  path: '/profiles/me',
  description: 'Changes the fields that are sent; null clears one.',
  parameters: [ifMatch],
  request: { body: { required: true, content: { 'application/json': { schema: profileChangesSchema } } } },
  responses: { 200: { description: 'The profile with the changes.', ...profile }, ...problemResponses },
});

/** Routes about profiles. */
export function profileRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(getMine, async (c) => {
      const found = await getProfile({ ...services, actor: c.get('actor') });
      return isUnchanged(c, { id: found.userId, version: found.version }) ? c.body(null, 304) : c.json(found, 200);
    })
    .openapi(updateMine, async (c) => {
      const actor = c.get('actor');
      const ifVersions = ifVersionsOf(c.req.header('if-match'), ownIdOf(actor));
      const changed = await updateProfile({ ...services, actor }, { changes: c.req.valid('json'), ifVersions });
      c.header('etag', etagOf({ id: changed.userId, version: changed.version }));
      return c.json(changed, 200);
    });
}
