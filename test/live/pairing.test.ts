import {
  AudioSource,
  LocalAudioTrack,
  type RemoteParticipant,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import getPort from 'get-port';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createAccessTokens } from '../../core/crypto/access-tokens.ts';
import { newId } from '../../core/ids.ts';
import type { Pairing, PairingWithCode } from '../../domain/pairing.ts';
import type { TokenResponse } from '../../domain/token.ts';
import { jwtSecret, openWorld, type World } from '../db/world.ts';
import { encryptionVariables, runFile } from '../support/jobs-program.ts';
import { connectClient } from '../support/pairing-client.ts';
import { prepareServer } from '../support/postgres.ts';
import { type PostgresServer, startInstalledServer } from '../support/postgres-server.ts';
import { type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';

const livekit = inject('livekit');
const sampleRateHz = 16_000;

describe.skipIf(!livekit || !redisIsInstalled)('a phone and a computer, each with an API process of its own', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let world: World;
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startInstalledServer(), startRedis()]);
    await prepareServer(postgres.url);
    world = await openWorld(postgres.url);
  });
  afterAll(async () => {
    await world?.close();
    await Promise.all([postgres?.stop(), redis?.stop()]);
  });

  const startApi = async (): Promise<string> => {
    const port = await getPort({ host: '127.0.0.1' });
    const program = runFile('api/server.ts', {
      ...encryptionVariables,
      LIVEKIT_URL: livekit?.url ?? '',
      LIVEKIT_API_KEY: livekit?.apiKey ?? '',
      LIVEKIT_API_SECRET: livekit?.apiSecret ?? '',
      DATABASE_URL: world.server?.url ?? '',
      DATABASE_SERVICE_URL: world.server?.serviceUrl ?? '',
      REDIS_URL: redis.url,
      JWT_SECRET: jwtSecret,
      API_HOST: '127.0.0.1',
      API_PORT: String(port),
    });
    await expect.poll(() => program.lines.join('\n'), { timeout: 30_000 }).toContain('the API listens');
    return `http://127.0.0.1:${port}`;
  };

  const join = async ({ server_url, participant_token }: TokenResponse): Promise<Room> => {
    const room = new Room();
    onTestFinished(() => room.disconnect());
    await room.connect(server_url, participant_token, { autoSubscribe: true, dynacast: false });
    return room;
  };
  const speak = async (room: Room): Promise<string | undefined> => {
    const track = LocalAudioTrack.createAudioTrack('microphone', new AudioSource(sampleRateHz, 1));
    const options = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
    return (await room.localParticipant?.publishTrack(track, options))?.sid;
  };
  const identitiesIn = (room: Room) => [...room.remoteParticipants.values()].map(({ identity }) => identity);

  it('join one room, where the phone speaks and the computer may only listen', async () => {
    const [home, away] = await Promise.all([startApi(), startApi()]);
    const user = await world.newUser();
    const { token } = await createAccessTokens(jwtSecret, 'HS256', systemClock).sign(user);
    const ask = async <T>(url: string, method: string, path: string, body?: object): Promise<T> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
      expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
      return (await answer.json()) as T;
    };
    const { pairing, code } = await ask<PairingWithCode>(home, 'POST', '/pairings', { language: 'nl' });
    const { id } = pairing;
    const { phoneEpoch } = await ask<Pairing>(away, 'POST', '/pairings/claim', { code });
    const computer = await connectClient({ url: home, pairingId: id }, { end: 'computer', token });
    const phone = await connectClient({ url: away, pairingId: id }, { end: 'phone', phoneEpoch, token });
    await computer.event('phone-connected');

    const tokenOf = (url: string, body: object) => ask<TokenResponse>(url, 'POST', `/pairings/${id}/token`, body);
    const listening = await join(await tokenOf(home, { end: 'computer' }));
    const hears = new Promise<string>((resolve) => {
      listening.on(RoomEvent.TrackSubscribed, (_track, _publication, participant: RemoteParticipant) =>
        resolve(participant.identity),
      );
    });
    const speaking = await join(await tokenOf(away, { end: 'phone', phoneEpoch }));
    expect(await speak(speaking)).toBeTruthy();
    expect(await hears).toBe(`user-${user.userId}`);
    await expect(speak(listening)).rejects.toThrow();

    const segment = { id: newId(), raw: 'zes en twintig', text: '26', edits: [], saidAt: new Date().toISOString() };
    phone.send({ type: 'operation', id: newId(), operation: { type: 'write', segment } });
    expect(JSON.stringify(await computer.event('note'))).toContain('"text":"26"');

    const renewed = await ask<PairingWithCode>(home, 'POST', `/pairings/${id}/code`);
    await ask<Pairing>(home, 'POST', '/pairings/claim', { code: renewed.code, id });
    expect(await phone.closed).toBe(4001);
    await expect.poll(() => identitiesIn(listening)).not.toContain(`user-${user.userId}`);

    const left = new Promise((resolve) => listening.once(RoomEvent.Disconnected, resolve));
    await ask<Pairing>(away, 'DELETE', `/pairings/${id}`);
    expect(await computer.closed).toBe(4000);
    await left;
  });
});
