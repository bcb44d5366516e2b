import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { newSessionSchema, sessionChangesSchema, sessionSchema } from '../domain/session.ts';
import type { Services } from '../services/context.ts';
import { createSession, endSession, getSession, listSessions, updateSession } from '../services/session-records.ts';
import type { ApiEnvironment } from './environment.ts';
import { etagHeader, etagOf, ifMatch, ifNoneMatch, ifVersionsOf, isUnchanged, notModified } from './etag.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const session = { headers: etagHeader, content: { 'application/json': { schema: sessionSchema } } };

const list = createRoute({
  method: 'get',
  path: '/sessions',
  description: "The user's sessions, the newest first; an agent sees its own.",
  request: {
    query: z.object({
      ...pageQuery,
      open: z.enum(['true', 'false']).optional().describe('`true` for those not ended, `false` for those that are.'),
    }),
  },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ sessions: z.array(sessionSchema), nextCursor }).meta({ id: 'Sessions' }),
        },
      },
    },
    ...problemResponses,
  },
});

const create = createRoute({
  method: 'post',
  path: '/sessions',
  description: 'Makes a session; a token for its `roomName` joins it, and keeps it open.',
  request: { body: { required: true, content: { 'application/json': { schema: newSessionSchema } } } },
  responses: { 201: { description: 'The session.', ...session }, ...problemResponses },
});

const get = createRoute({
  method: 'get',
  path: '/sessions/{id}',
  description: 'One session.',
  parameters: [ifNoneMatch],
  request: { params },
  responses: { 200: { description: 'The session.', ...session }, ...notModified, ...problemResponses },
});

const update = createRoute({
  method: 'patch',
  path: '/sessions/{id}',
  description: 'Changes the fields that are sent; null clears one.',
  parameters: [ifMatch],
  request: {
    params,
    body: { required: true, content: { 'application/json': { schema: sessionChangesSchema } } },
  },
  responses: { 200: { description: 'The session with the changes.', ...session }, ...problemResponses },
});

const end = createRoute({
  method: 'post',
  path: '/sessions/{id}/end',
  description: 'Ends a session; its agent leaves. Once more changes nothing. A new token for its room opens it again.',
  request: { params },
  responses: { 200: { description: 'The session, ended.', ...session }, ...problemResponses },
});

/** Routes a user keeps sessions with. */
export function sessionRecordRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const { open, ...query } = c.req.valid('query');
      const input = { ...pageRequestOf(query), open: open === undefined ? undefined : open === 'true' };
      const page = await listSessions({ ...services, actor: c.get('actor') }, input);
      return c.json({ sessions: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(create, async (c) => {
      const created = await createSession({ ...services, actor: c.get('actor') }, c.req.valid('json'));
      c.header('etag', etagOf(created));
      return c.json(created, 201);
    })
    .openapi(get, async (c) => {
      const found = await getSession({ ...services, actor: c.get('actor') }, { sessionId: c.req.valid('param').id });
      return isUnchanged(c, found) ? c.body(null, 304) : c.json(found, 200);
    })
    .openapi(update, async (c) => {
      const sessionId = c.req.valid('param').id;
      const ifVersions = ifVersionsOf(c.req.header('if-match'), sessionId);
      const input = { sessionId, changes: c.req.valid('json'), ifVersions };
      const changed = await updateSession({ ...services, actor: c.get('actor') }, input);
      c.header('etag', etagOf(changed));
      return c.json(changed, 200);
    })
    .openapi(end, async (c) => {
      const ended = await endSession({ ...services, actor: c.get('actor') }, { sessionId: c.req.valid('param').id });
      c.header('etag', etagOf(ended));
      return c.json(ended, 200);
    });
}
