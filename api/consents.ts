import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { consentSchema, newConsentSchema } from '../domain/consent.ts';
import { listConsents, recordConsent } from '../services/consents.ts';
import type { Services } from '../services/context.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const list = createRoute({
  method: 'get',
  path: '/consents',
  description:
    'What the user decided, the newest first: the decision that counts of each purpose, or every one there was.',
  request: {
    query: z.object({
      ...pageQuery,
      history: z.enum(['true', 'false']).default('false').describe('`true` for every decision there was.'),
    }),
  },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ consents: z.array(consentSchema), nextCursor }).meta({ id: 'Consents' }),
        },
      },
    },
    ...problemResponses,
  },
});

const record = createRoute({
  method: 'post',
  path: '/consents',
  description: 'Keeps a decision. Those before it stay as they were, for whoever has to show them.',
  request: { body: { required: true, content: { 'application/json': { schema: newConsentSchema } } } },
  responses: {
    201: { description: 'The decision.', content: { 'application/json': { schema: consentSchema } } },
    ...problemResponses,
  },
});

/** Routes about what users agreed to. */
export function consentRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const { history, ...query } = c.req.valid('query');
      const input = { ...pageRequestOf(query), history: history === 'true' };
      const page = await listConsents({ ...services, actor: c.get('actor') }, input);
      return c.json({ consents: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(record, async (c) =>
      c.json(await recordConsent({ ...services, actor: c.get('actor') }, c.req.valid('json')), 201),
    );
}
