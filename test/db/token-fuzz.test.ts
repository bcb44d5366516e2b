import { TokenVerifier } from 'livekit-server-sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TokenResponse } from '../../domain/token.ts';
import { developmentUser } from '../../services/users.ts';
import { randomFrom } from '../support/random.ts';
import { type ApiWorld, developmentToken, openApiWorld } from './api-world.ts';
import { settings } from './world.ts';

const requests = 3_000;
const ownIdentity = `user-${developmentUser.userId}`;

const next = randomFrom(1);
const oneOf = <T>(...values: T[]): T => values[Math.floor(next() * values.length)] as T;

const strings = [
  '',
  'a',
  'room-1',
  '../x',
  'ünïcode',
  '\u0000',
  '\ud800',
  '*',
  ownIdentity,
  'user-admin',
  'x'.repeat(5_000),
  'lk.agent',
];
const agentNames = ['', 'parley', 'oracy', 'nobody', 'Parley', 'parley '];
const metadata = [
  '',
  '{}',
  '{"modality":"text"}',
  '{"modality":"smell"}',
  '[]',
  '{',
  '{"userId":"x","modality":"voice"}',
];

const anyValue = (depth = 0): unknown =>
  oneOf<() => unknown>(
    () => oneOf(...strings),
    () => oneOf<unknown>(null, true, false, 0, -1, 1e9, 1.5),
    () => (depth > 2 ? [] : [anyValue(depth + 1)]),
    () => (depth > 2 ? {} : { [oneOf(...strings)]: anyValue(depth + 1) }),
  )();

/** Values a field is meant for and, one time in four, anything. */
const field = (make: () => unknown): unknown => (next() < 0.25 ? anyValue() : make());

const fields: Record<string, () => unknown> = {
  room_name: () => oneOf(...strings, `fuzz-${Math.floor(next() * 40)}`),
  participant_identity: () => oneOf(ownIdentity, 'somebody-else'),
  participant_name: () => oneOf(...strings),
  participant_metadata: () => oneOf(...strings, ...metadata),
  participant_attributes: () => ({
    [oneOf('theme', 'lk.agent.state', '', ...strings)]: field(() => oneOf(...strings)),
  }),
  room_config: () => ({
    agents: field(() => [{ agent_name: field(() => oneOf(...agentNames)), metadata: field(() => oneOf(...metadata)) }]),
    ...(next() < 0.1 && { [oneOf('egress', 'metadata', 'max_participants', 'min_playout_delay')]: anyValue() }),
  }),
  video: () => ({ roomAdmin: true }),
  ttl: () => 1e9,
};

const anyBody = (): unknown => {
  if (next() < 0.05) return anyValue();
  const chosen = Object.entries(fields).filter(([name]) => next() < (name === 'video' || name === 'ttl' ? 0.03 : 0.35));
  return Object.fromEntries(chosen.map(([name, make]) => [name, field(make)]));
};

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

it('gives, to whatever it accepts, a token that is valid and grants its user one room', async () => {
  const verifier = new TokenVerifier(settings.livekit.apiKey, settings.livekit.apiSecret);
  const stranger = await api.world.newUser();
  const { roomName: strangersRoom } = await api.world.newSession(stranger);
  const statuses = new Map<number, number>();
  for (let index = 0; index < requests; index += 1) {
    const body = index % 100 === 0 ? { room_name: strangersRoom } : anyBody();
    const text = JSON.stringify(body) ?? '';
    const answer = await api.send('POST', '/api/v1/token', { token: developmentToken, body: text });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (answer.status !== 201) {
      expect([400, 404, 413], text).toContain(answer.status);
      expect(answer.body, text).toMatchObject({ code: expect.any(String), detail: expect.any(String) });
      continue;
    }
    const { participant_token, room_name } = answer.body as TokenResponse & Record<string, unknown>;
    const { sub, video, roomConfig, sip, inference, kind, ...rest } = await verifier.verify(participant_token);
    expect(sub, text).toBe(ownIdentity);
    expect(room_name, text).not.toBe(strangersRoom);
    expect(video, text).toEqual({
      roomJoin: true,
      room: room_name,
      canPublish: true,
      canSubscribe: true,
      canPublishData: true,
      canUpdateOwnMetadata: false,
    });
    expect([sip, inference, kind], text).toEqual([undefined, undefined, undefined]);
    const agents = roomConfig?.agents ?? [];
    expect(agents, text).toHaveLength(1);
    expect(settings.agentNames, text).toContain(agents[0]?.agentName);
    expect(Object.keys(JSON.parse(JSON.stringify(roomConfig))), text).toEqual(['agents']);
    const lifetimeSeconds = Number(rest.exp) - Number(rest.nbf);
    expect(lifetimeSeconds, text).toBe(settings.tokenTtlSeconds);
  }
  expect(statuses.get(201), 'accepted').toBeGreaterThan(requests / 20);
  expect(statuses.get(400), 'refused').toBeGreaterThan(requests / 20);
  expect(statuses.get(404), 'of somebody else').toBeGreaterThanOrEqual(requests / 100);
});
