import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeExport } from '../../services/exports.ts';
import { developmentUser } from '../../services/users.ts';
import { type ApiWorld, developmentToken, openApiWorld } from './api-world.ts';
import { system } from './world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

it('a user asks for a copy of their data and fetches it once it is written', async () => {
  const requested = await api.send('POST', '/api/v1/me/exports', { token: developmentToken });
  expect(requested).toMatchObject({ status: 202, body: { document: null } });
  const path = `/api/v1/me/exports/${requested.body.id}`;
  expect(await api.send('GET', path, { token: developmentToken })).toMatchObject({ status: 200, body: requested.body });
  await writeExport(api.world.context(system), { exportId: String(requested.body.id), ...developmentUser });
  const { body } = await api.send('GET', path, { token: developmentToken });
  expect(body.document).toMatchObject({ format: 'parley-user-export', userId: developmentUser.userId });
  const { sessionToken } = await api.newCall();
  expect((await api.send('GET', path, { token: sessionToken })).status).toBe(403);
  expect((await api.send('GET', path)).status).toBe(401);
});
