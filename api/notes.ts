import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { noteChangeSchema, noteSchema, noteText } from '../domain/note.ts';
import type { Services } from '../services/context.ts';
import { changeNote, getNote } from '../services/notes.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified } from './etag.ts';
import { setHeaders } from './middleware/headers.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const json = { 'application/json': { schema: noteSchema } };

const get = createRoute({
  method: 'get',
  path: '/sessions/{id}/note',
  description: 'The note that was dictated in a session, as JSON or as the plain text a record system takes.',
  parameters: [ifNoneMatch],
  request: {
    params,
    query: z.object({
      format: z.enum(['json', 'text']).optional().describe('By default as `Accept` says: JSON, or `text/plain`.'),
    }),
  },
  responses: {
    200: {
      description: 'The note. Nothing noted yet: version 0.',
      headers: etagHeader,
      content: { ...json, 'text/plain': { schema: z.string() } },
    },
    ...notModified,
    ...problemResponses,
  },
});

const change = createRoute({
  method: 'post',
  path: '/sessions/{id}/note/operations',
  description: 'Changes the note by one operation. Its id is the idempotency key: sent again it changes nothing.',
  parameters: [ifMatch],
  request: { params, body: { required: true, content: { 'application/json': { schema: noteChangeSchema } } } },
  responses: {
    200: { description: 'The note as it is now.', headers: etagHeader, content: json },
    ...problemResponses,
  },
});

/** Routes about dictated notes. */
export function noteRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(get, async (c) => {
      const sessionId = c.req.valid('param').id;
      const type = accepts(c, {
        header: 'Accept',
        supports: ['application/json', 'text/plain'],
        default: 'application/json',
      });
      const { format = type === 'text/plain' ? 'text' : 'json' } = c.req.valid('query');
      const note = await getNote({ ...services, actor: c.get('actor') }, { sessionId });
      setHeaders(c, { vary: 'origin, accept' });
      if (isUnchanged(c, { id: format === 'text' ? `${sessionId}.text` : sessionId, version: note.version })) {
        return c.body(null, 304);
      }
      return format === 'text' ? c.text(noteText(note), 200) : c.json(note, 200);
    })
    .openapi(change, async (c) => {
      const sessionId = c.req.valid('param').id;
      const ifVersions = ifVersionsOf(c.req.header('if-match'), sessionId);
      const input = { sessionId, change: c.req.valid('json'), ifVersions };
      const note = await changeNote({ ...services, actor: c.get('actor') }, input);
      c.header('etag', etagOf({ id: sessionId, version: note.version }));
      return c.json(note, 200);
    });
}
