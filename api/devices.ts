import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { deviceChangesSchema, deviceSchema, newDeviceSchema } from '../domain/device.ts';
import type { Services } from '../services/context.ts';
import { addDevice, getDevice, listDevices, removeDevice, updateDevice } from '../services/devices.ts';
import type { ApiEnvironment } from './environment.ts';
import { nextCursor, nextCursorOf, pageQuery, pageRequestOf } from './paging.ts';
import { problemResponses } from './problem.ts';

const params = z.object({ id: z.uuid() });
const device = { 'application/json': { schema: deviceSchema } };
const bodyOf = <T extends z.ZodType>(schema: T) => ({ required: true, content: { 'application/json': { schema } } });

const list = createRoute({
  method: 'get',
  path: '/devices',
  description: 'The devices of the user, the newest first.',
  request: { query: z.object(pageQuery) },
  responses: {
    200: {
      description: 'A page of them.',
      content: {
        'application/json': {
          schema: z.object({ devices: z.array(deviceSchema), nextCursor }).meta({ id: 'Devices' }),
        },
      },
    },
    ...problemResponses,
  },
});

const add = createRoute({
  method: 'post',
  path: '/devices',
  description: 'Adds a device.',
  request: { body: bodyOf(newDeviceSchema) },
  responses: { 201: { description: 'The device.', content: device }, ...problemResponses },
});

const get = createRoute({
  method: 'get',
  path: '/devices/{id}',
  description: 'One device.',
  request: { params },
  responses: { 200: { description: 'The device.', content: device }, ...problemResponses },
});

const update = createRoute({
  method: 'patch',
  path: '/devices/{id}',
  description: 'Changes the fields that are sent, null clears one, and notes that the device was seen.',
  request: { params, body: bodyOf(deviceChangesSchema) },
  responses: { 200: { description: 'The device with the changes.', content: device }, ...problemResponses },
});

const remove = createRoute({
  method: 'delete',
  path: '/devices/{id}',
  description: 'Removes a device.',
  request: { params },
  responses: { 204: { description: 'It is gone.' }, ...problemResponses },
});

/** Routes about devices. */
export function deviceRoutes(services: Services) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(list, async (c) => {
      const page = await listDevices({ ...services, actor: c.get('actor') }, pageRequestOf(c.req.valid('query')));
      return c.json({ devices: page.items, nextCursor: nextCursorOf(page) }, 200);
    })
    .openapi(add, async (c) =>
      c.json(await addDevice({ ...services, actor: c.get('actor') }, c.req.valid('json')), 201),
    )
    .openapi(get, async (c) => {
      const deviceId = c.req.valid('param').id;
      return c.json(await getDevice({ ...services, actor: c.get('actor') }, { deviceId }), 200);
    })
    .openapi(update, async (c) => {
      const input = { deviceId: c.req.valid('param').id, changes: c.req.valid('json') };
      return c.json(await updateDevice({ ...services, actor: c.get('actor') }, input), 200);
    })
    .openapi(remove, async (c) => {
      await removeDevice({ ...services, actor: c.get('actor') }, { deviceId: c.req.valid('param').id });
      return c.body(null, 204);
    });
}
