import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { newReminderSchema, reminderDeliverySchema, reminderFilterSchema, reminderSchema } from '../domain/reminder.ts';
import type { Services } from '../services/context.ts';
import { cancelReminder, createReminder, getReminder, listReminders, noteToldReminder } from '../services/reminders.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const reminder = { 'application/json': { schema: reminderSchema } };
const bodyOf = <T extends z.ZodType>(schema: T) => ({ required: true, content: { 'application/json': { schema } } });

const list = createRoute({
  method: 'get',
  path: '/reminders',
  description: 'What the user is reminded of, made last first.',
  request: {
    query: z.object({
      ...pageQuery,
      only: reminderFilterSchema
        .optional()
        .describe('Those that are to come, those of them whose time is there, or those that come no more.'),
    }),
  },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ reminders: z.array(reminderSchema), nextCursor }).meta({ id: 'Reminders' }),
        },
      },
    },
    ...problemResponses,
  },
});

const create = createRoute({
  method: 'post',
  path: '/reminders',
  description:
    'Keeps a reminder. Once its time is there it is said in the call the user is in, or else goes to their e-mail address.',
  request: { body: bodyOf(newReminderSchema) },
  responses: {
    200: { description: 'The reminder was there already, as answered.', content: reminder },
    201: { description: 'The reminder is kept.', content: reminder },
    ...problemResponses,
  },
});

const get = createRoute({
  method: 'get',
  path: '/reminders/{id}',
  description: 'One reminder.',
  request: { params },
  responses: { 200: { description: 'The reminder.', content: reminder }, ...problemResponses },
});

const cancel = createRoute({
  method: 'delete',
  path: '/reminders/{id}',
  description: 'Removes a reminder: it comes no more.',
  request: { params },
  responses: { 204: { description: 'It is gone.' }, ...problemResponses },
});

const told = createRoute({
  method: 'post',
  path: '/reminders/{id}/told',
  description:
    'By which an agent notes that it has told a reminder that was due. Told again, or too late, changes nothing.',
  request: { params, body: bodyOf(reminderDeliverySchema) },
  responses: { 200: { description: 'The reminder.', content: reminder }, ...problemResponses },
});

/** Routes about reminders. */
export function reminderRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const { only, ...page } = c.req.valid('query');
      const found = await listReminders({ ...services, actor: c.get('actor') }, { only, ...pageRequestOf(page) });
      return c.json({ reminders: found.items, nextCursor: nextCursorOf(found) }, 200);
    })
    .openapi(create, async (c) => {
      const made = await createReminder({ ...services, actor: c.get('actor') }, c.req.valid('json'));
      return made.created ? c.json(made.reminder, 201) : c.json(made.reminder, 200);
    })
    .openapi(get, async (c) => {
      const reminderId = c.req.valid('param').id;
      return c.json(await getReminder({ ...services, actor: c.get('actor') }, { reminderId }), 200);
    })
    .openapi(cancel, async (c) => {
      await cancelReminder({ ...services, actor: c.get('actor') }, { reminderId: c.req.valid('param').id });
      return c.body(null, 204);
    })
    .openapi(told, async (c) => {
      const input = { reminderId: c.req.valid('param').id, dueAt: new Date(c.req.valid('json').dueAt) };
      return c.json(await noteToldReminder({ ...services, actor: c.get('actor') }, input), 200);
    });
}
