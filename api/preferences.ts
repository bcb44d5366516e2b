import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { preferenceValuesSchema } from '../domain/preferences.ts';
import type { Services } from '../services/context.ts';
import { getPreferences, type Preferences, replacePreferences, updatePreferences } from '../services/preferences.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified, ownIdOf } from './etag.ts';
import { problemResponses } from './problem.ts';

const schema = preferenceValuesSchema;
const preferences = { headers: etagHeader, content: { 'application/json': { schema } } };

const get = createRoute({
  method: 'get',
  path: '/preferences',
  description: 'What the user’s apps and agents keep about how the user wants things: any JSON object.',
  parameters: [ifNoneMatch],
  responses: { 200: { description: 'The preferences.', ...preferences }, ...notModified, ...problemResponses },
});

const update = createRoute({
  method: 'patch',
  path: '/preferences',
  description: 'Changes them by a JSON Merge Patch (RFC 7396): null removes, objects are merged, the rest is replaced.',
  parameters: [ifMatch],
  request: {
    body: { required: true, content: { 'application/merge-patch+json': { schema }, 'application/json': { schema } } },
  },
  responses: { 200: { description: 'The preferences with the changes.', ...preferences }, ...problemResponses },
});

const replace = createRoute({
  method: 'put',
  path: '/preferences',
  description: 'Replaces them.',
  parameters: [ifMatch],
  request: { body: { required: true, content: { 'application/json': { schema } } } },
  responses: { 200: { description: 'The preferences as they were sent.', ...preferences }, ...problemResponses },
});

const versioned = ({ userId: id, version }: Preferences) => ({ id, version });

/** Routes about preferences. */
export function preferenceRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(get, async (c) => {
      const found = await getPreferences({ ...services, actor: c.get('actor') });
      return isUnchanged(c, versioned(found)) ? c.body(null, 304) : c.json(found.values, 200);
    })
    .openapi(update, async (c) => {
      const actor = c.get('actor');
      const ifVersions = ifVersionsOf(c.req.header('if-match'), ownIdOf(actor));
      const changed = await updatePreferences({ ...services, actor }, { patch: c.req.valid('json'), ifVersions });
      c.header('etag', etagOf(versioned(changed)));
      return c.json(changed.values, 200);
    })
    .openapi(replace, async (c) => {
      const actor = c.get('actor');
      const ifVersions = ifVersionsOf(c.req.header('if-match'), ownIdOf(actor));
      const changed = await replacePreferences({ ...services, actor }, { values: c.req.valid('json'), ifVersions });
      c.header('etag', etagOf(versioned(changed)));
      return c.json(changed.values, 200);
    });
}
