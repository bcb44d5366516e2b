import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import type { Actor, UserActor } from '../../domain/actor.ts';
import { type Scope, scopes } from '../../domain/api-key.ts';
import { roles } from '../../domain/role.ts';
import { createApiKey } from '../../services/api-keys.ts';
import { type Permission, permissions, type Verb } from '../../services/permissions.ts';
import { type ApiWorld, developmentToken, joinToken, openApiWorld } from './api-world.ts';
import { reminderFor } from './reminder-samples.ts';
import { newTarget, type Target } from './target.ts';
import { isAllowed } from './verb-samples.ts';

/** What a route is for, and a request it takes. */
interface Route {
  /** Absent: for everybody, without a token. */
  verb?: Verb;
  /** What the `{id}` of the path names. */
  id?: 'sessionId' | 'deviceId' | 'lexiconEntryId' | 'apiKeyId' | 'exportId' | 'pairingId' | 'factId' | 'reminderId';
  body?(target: Target): unknown;
  /** Of a body that is no JSON. */
  contentType?: string;
}

const consent = { purpose: 'recording', granted: true, policyVersion: '1' };
const correction = { spoken: 'karius', written: 'cariës', rule: 'lexicon' };
const turn = () => ({ id: newId(), speaker: 'user', text: 'hello', saidAt: '2026-11-20T10:00:00.000Z' });

/** Every route there is. A route without a row fails. */
const routes: Record<string, Route> = {
  'GET /healthz': {},
  'GET /readyz': {},
  'POST /webhooks/livekit': {},
  'POST /api/v1/auth/magic-links': { body: ({ email }) => ({ email }) },
  'POST /api/v1/auth/magic-links/redeem': { body: () => ({ secret: 'a'.repeat(43) }) },
  'POST /api/v1/auth/password': { body: ({ email }) => ({ email, password: 'a wrong one' }) },
  'POST /api/v1/auth/refresh': { body: () => ({ refreshToken: 'a'.repeat(43) }) },
  'POST /api/v1/auth/sign-out': { verb: 'accounts.sign-out', body: () => ({}) },
  'PUT /api/v1/me/password': { verb: 'accounts.set-password', body: () => ({ password: newId() }) },
  'GET /api/v1/me': { verb: 'me.read' },
  'POST /api/v1/me/exports': { verb: 'exports.write' },
  'GET /api/v1/me/exports/{id}': { verb: 'exports.read', id: 'exportId' },
  'POST /api/v1/token': { verb: 'sessions.join', body: ({ roomName }) => ({ room_name: roomName }) },
  'POST /api/v1/sessions/accept': { verb: 'sessions.claim' },
  'POST /api/v1/sessions/claim': { verb: 'sessions.claim' },
  'POST /api/v1/sessions/{id}/heartbeat': { verb: 'sessions.hold', id: 'sessionId' },
  'DELETE /api/v1/sessions/{id}/lease': { verb: 'sessions.hold', id: 'sessionId' },
  'GET /api/v1/sessions/{id}/lease/connection': { verb: 'sessions.hold', id: 'sessionId' },
  'PUT /api/v1/sessions/{id}/checkpoint': {
    verb: 'sessions.hold',
    id: 'sessionId',
    body: () => ({ agent: 'concierge' }),
  },
  'GET /api/v1/sessions': { verb: 'sessions.read' },
  'POST /api/v1/sessions': { verb: 'sessions.write', body: () => ({ modality: 'text' }) },
  'GET /api/v1/sessions/{id}': { verb: 'sessions.read', id: 'sessionId' },
  'PATCH /api/v1/sessions/{id}': { verb: 'sessions.write', id: 'sessionId', body: () => ({ title: 'mine' }) },
  'POST /api/v1/sessions/{id}/end': { verb: 'sessions.write', id: 'sessionId' },
  'GET /api/v1/sessions/{id}/turns': { verb: 'turns.read', id: 'sessionId' },
  'POST /api/v1/sessions/{id}/turns': { verb: 'turns.append', id: 'sessionId', body: turn },
  'GET /api/v1/sessions/{id}/note': { verb: 'notes.read', id: 'sessionId' },
  'POST /api/v1/sessions/{id}/note/operations': {
    verb: 'notes.write',
    id: 'sessionId',
    body: () => ({ id: newId(), operation: { type: 'new-line' } }),
  },
  'GET /api/v1/profiles/me': { verb: 'profiles.read' },
  'PATCH /api/v1/profiles/me': { verb: 'profiles.write', body: () => ({ goal: 'to practise' }) },
  'GET /api/v1/preferences': { verb: 'preferences.read' },
  'PATCH /api/v1/preferences': { verb: 'preferences.write', body: () => ({ a: 1 }) },
  'PUT /api/v1/preferences': { verb: 'preferences.write', body: () => ({ a: 1 }) },
  'GET /api/v1/onboarding': { verb: 'onboarding.read' },
  'GET /api/v1/onboarding/steps': { verb: 'onboarding.read' },
  'PUT /api/v1/onboarding/steps/{step}': { verb: 'onboarding.write', body: () => ({ answer: 'Ann' }) },
  'POST /api/v1/onboarding/steps/{step}/skip': { verb: 'onboarding.write' },
  'POST /api/v1/onboarding/back': { verb: 'onboarding.write' },
  'POST /api/v1/onboarding/restart': { verb: 'onboarding.write' },
  'GET /api/v1/context': { verb: 'context.read' },
  'GET /api/v1/facts': { verb: 'facts.read' },
  'POST /api/v1/facts': { verb: 'facts.propose', body: () => ({ id: newId(), text: 'likes mornings' }) },
  'POST /api/v1/facts/{id}/keep': { verb: 'facts.write', id: 'factId' },
  'DELETE /api/v1/facts/{id}': { verb: 'facts.write', id: 'factId' },
  'GET /api/v1/sessions/{id}/summary': { verb: 'summaries.read', id: 'sessionId' },
  'GET /api/v1/reminders': { verb: 'reminders.read' },
  'POST /api/v1/reminders': { verb: 'reminders.write', body: () => reminderFor(new Date()) },
  'GET /api/v1/reminders/{id}': { verb: 'reminders.read', id: 'reminderId' },
  'DELETE /api/v1/reminders/{id}': { verb: 'reminders.write', id: 'reminderId' },
  'POST /api/v1/reminders/{id}/told': {
    verb: 'reminders.tell',
    id: 'reminderId',
    body: () => ({ dueAt: '2026-11-20T10:00:00.000Z' }),
  },
  'GET /api/v1/devices': { verb: 'devices.read' },
  'POST /api/v1/devices': { verb: 'devices.write', body: () => ({ name: 'tablet', platform: 'web' }) },
  'GET /api/v1/devices/{id}': { verb: 'devices.read', id: 'deviceId' },
  'PATCH /api/v1/devices/{id}': { verb: 'devices.write', id: 'deviceId', body: () => ({ name: 'mine' }) },
  'DELETE /api/v1/devices/{id}': { verb: 'devices.write', id: 'deviceId' },
  'GET /api/v1/pairings': { verb: 'pairings.read' },
  'POST /api/v1/pairings': { verb: 'pairings.write', body: () => ({}) },
  'POST /api/v1/pairings/claim': { verb: 'pairings.write', body: ({ pairingCode }) => ({ code: pairingCode }) },
  'GET /api/v1/pairings/{id}': { verb: 'pairings.read', id: 'pairingId' },
  'DELETE /api/v1/pairings/{id}': { verb: 'pairings.write', id: 'pairingId' },
  'POST /api/v1/pairings/{id}/code': { verb: 'pairings.write', id: 'pairingId' },
  'POST /api/v1/pairings/{id}/token': { verb: 'pairings.write', id: 'pairingId', body: () => ({ end: 'computer' }) },
  'GET /api/v1/consents': { verb: 'consents.read' },
  'POST /api/v1/consents': { verb: 'consents.write', body: () => consent },
  'GET /api/v1/lexicons/{pack}/entries': { verb: 'lexicons.read' },
  'POST /api/v1/lexicons/{pack}/entries': { verb: 'lexicons.write', body: () => ({ canonical: `term ${newId()}` }) },
  'GET /api/v1/lexicons/{pack}/entries/{id}': { verb: 'lexicons.read', id: 'lexiconEntryId' },
  'PATCH /api/v1/lexicons/{pack}/entries/{id}': {
    verb: 'lexicons.write',
    id: 'lexiconEntryId',
    body: () => ({ category: 'mine' }),
  },
  'DELETE /api/v1/lexicons/{pack}/entries/{id}': { verb: 'lexicons.write', id: 'lexiconEntryId' },
  'GET /api/v1/lexicons/{pack}/effective': { verb: 'lexicons.read' },
  'GET /api/v1/lexicons/{pack}/export': { verb: 'lexicons.read' },
  'POST /api/v1/lexicons/{pack}/import': { verb: 'lexicons.write', body: () => 'canonical\ncariës' },
  'POST /api/v1/lexicons/{pack}/corrections': { verb: 'lexicons.write', body: () => correction },
  'POST /api/v1/transcriptions': {
    verb: 'transcriptions.create',
    body: () => '--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nanything\r\n--b--\r\n',
    contentType: 'multipart/form-data; boundary=b',
  },
  'GET /api/v1/api-keys': { verb: 'api-keys.read' },
  'POST /api/v1/api-keys': { verb: 'api-keys.write', body: () => ({ name: 'new', scopes: ['rooms:join'] }) },
  'DELETE /api/v1/api-keys/{id}': { verb: 'api-keys.write', id: 'apiKeyId' },
};

/** A token, and whom it makes of its bearer. */
interface Bearer {
  token: string;
  actor: Actor;
  headers?: Record<string, string>;
}

let api: ApiWorld;
// Whose things no route gives to anybody else here, so that one of each does for all of them.
let elsewhere: Target;
let neighbour: Target;
beforeAll(async () => {
  api = await openApiWorld();
  elsewhere = await newTarget(api.world, await api.world.newTenant());
  neighbour = await newTarget(api.world);
});
afterAll(() => api.close());

const send = (key: string, target: Target, { token, headers }: Partial<Bearer> = {}) => {
  const [method = '', path = ''] = key.split(' ');
  const { id, body, contentType } = routes[key] ?? {};
  const filled = path
    .replace('{id}', id ? target[id] : '')
    .replace('{step}', 'goal')
    .replace('{pack}', 'nl-dental');
  const all = contentType === undefined ? headers : { ...headers, 'content-type': contentType };
  return api.send(method, filled, { token, headers: all, body: body?.(target) });
};

const keyFor = async ({ user, userId }: Target, allowed: Scope[]): Promise<Bearer> => {
  const admin = { ...user, roles: ['admin'] } as const;
  const { secret } = await createApiKey(api.world.context(admin), { name: 'key', scopes: allowed, expiresAt: null });
  return { token: secret, actor: { ...user, scopes: allowed }, headers: { 'parley-user': userId } };
};

/** Every kind of token, by name, for a target. The key lacks or has the one scope that a verb needs. */
const bearersOf: Record<string, (target: Target, verb: Verb) => Promise<Bearer>> = {
  ...Object.fromEntries(
    roles.map((role) => [
      `the access token of a ${role}`,
      async ({ user, tenantId, userId }: Target) => {
        const actor: UserActor = { ...user, roles: [role] };
        const { token } = await api.world.accounts.accessTokens.sign({ tenantId, userId, roles: [role] });
        return { token, actor };
      },
    ]),
  ),
  'a key with the scope': (target, verb) => {
    const { scope }: Permission = permissions[verb];
    return keyFor(target, scope ? [scope] : [...scopes]);
  },
  'a key without the scope': (target, verb) => {
    const { scope }: Permission = permissions[verb];
    return keyFor(
      target,
      scopes.filter((other) => other !== scope),
    );
  },
  'a key that speaks for nobody': async (target) => {
    const { token } = await keyFor(target, [...scopes]);
    const { tenantId, apiKeyId } = target;
    return { token, actor: { kind: 'server', tenantId, apiKeyId, scopes } };
  },
  'a session token': async ({ agent }) => ({ token: (await api.world.sessionTokens.sign(agent)).token, actor: agent }),
  'a join token': async ({ agent, roomName }) => ({
    token: await joinToken(roomName),
    actor: { kind: 'job', roomName, jobIdentity: agent.jobIdentity },
  }),
};

/** Answers of a route that did what it is for. */
const done = [200, 201, 202, 204];

const closed = Object.entries(routes).flatMap(([key, { verb }]) => (verb ? [{ key, verb }] : []));

it('has a row for every route, and no other', () => {
  const known = api.app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === 'route' ? [`${definition.route.method.toUpperCase()} ${definition.route.path}`] : [],
  );
  expect(Object.keys(routes).sort()).toEqual(known.sort());
});

describe.each(closed)('$key', ({ key, verb }) => {
  it('answers whom its verb is for, and refuses the others', async () => {
    const bystander = await newTarget(api.world);
    expect((await send(key, bystander)).status).toBe(401);
    for (const [name, bearerOf] of Object.entries(bearersOf)) {
      const isFor = isAllowed(verb, (await bearerOf(bystander, verb)).actor);
      const answered = async (target: Target) => (await send(key, target, await bearerOf(target, verb))).status;
      const status = await answered(bystander);
      if (!isFor) expect(status, name).toBe(403);
      // Somebody whom it is for as well may have used it up.
      else if (!done.includes(status))
        expect(done, `${name}: ${status}`).toContain(await answered(await newTarget(api.world)));
    }
  });

  it('takes the development token for its user', async () => {
    const { status } = await send(key, neighbour, { token: developmentToken });
    const { kinds }: Permission = permissions[verb];
    // What has an id is somebody else's, the room too; that user has no address to sign in with, and has answered nothing.
    if (!kinds.includes('user')) expect(status).toBe(403);
    else expect([...done, 404, 409]).toContain(status);
  });
});

const withId = closed.filter(({ key }) => key.includes('{id}'));

describe.each(withId)('$key of somebody else', ({ key, verb }) => {
  it('is not found, in the same tenant or in another', async () => {
    const own = await newTarget(api.world);
    for (const [name, bearerOf] of Object.entries(bearersOf)) {
      const bearer = await bearerOf(own, verb);
      const refusal = isAllowed(verb, bearer.actor) ? 404 : 403;
      expect((await send(key, elsewhere, bearer)).status, name).toBe(refusal);
      // A tenant's keys are its admins' together.
      if (verb !== 'api-keys.write') expect((await send(key, neighbour, bearer)).status, name).toBe(refusal);
    }
  });
});

describe('a session token', () => {
  const newNeighbours = async () => {
    const target = await newTarget(api.world);
    const other = await api.world.newSession(target.user);
    const { token } = await api.world.sessionTokens.sign(target.agent);
    return { target, other: { ...target, sessionId: other.id, roomName: other.roomName }, token };
  };

  it.each(closed.filter(({ key }) => routes[key]?.id === 'sessionId'))(
    'reaches no other session of its user by $key',
    async ({ key, verb }) => {
      const { other, token } = await newNeighbours();
      const { kinds }: Permission = permissions[verb];
      expect((await send(key, other, { token })).status).toBe(kinds.includes('agent') ? 404 : 403);
    },
  );

  it('is shown its own session alone, in lists and in the context', async () => {
    const { target, other, token } = await newNeighbours();
    const { body } = await api.send('GET', '/api/v1/sessions', { token });
    expect(body).toMatchObject({ sessions: [{ id: target.sessionId }], nextCursor: null });
    const context = await api.send('GET', '/api/v1/context', { token });
    expect(context.body).toMatchObject({ session: { id: target.sessionId }, profile: { userId: target.userId } });
    const asked = await api.send('GET', `/api/v1/context?sessionId=${other.sessionId}`, { token });
    expect(asked.status).toBe(404);
  });
});

describe('a join token', () => {
  it('claims the session of its own room and no other', async () => {
    const [one, other] = [await newTarget(api.world), await newTarget(api.world)];
    const token = await joinToken(one.roomName);
    const { body } = await api.send('POST', '/api/v1/sessions/claim', { token });
    expect(body).toMatchObject({ session: { id: one.sessionId, roomName: one.roomName } });
    expect(JSON.stringify(body)).not.toContain(other.sessionId);
    const claimed = String(body.sessionToken);
    expect((await send('GET /api/v1/sessions/{id}', one, { token: claimed })).status).toBe(200);
    expect((await send('GET /api/v1/sessions/{id}', other, { token: claimed })).status).toBe(404);
  });
});
