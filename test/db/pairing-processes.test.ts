import { sql } from 'drizzle-orm';
import getPort from 'get-port';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createAccessTokens } from '../../core/crypto/access-tokens.ts';
import { newId } from '../../core/ids.ts';
import type { PairingWithCode } from '../../domain/pairing.ts';
import {
  encryptionVariables,
  killProgram,
  liveKitVariables,
  runFile,
  type TestProgram,
} from '../support/jobs-program.ts';
import { connectClient, type PairingClient } from '../support/pairing-client.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { redisIsInstalled, startRedis } from '../support/redis.ts';
import { jwtSecret, openWorld } from './world.ts';

const postgresUrl = inject('postgresUrl');

interface Api extends TestProgram {
  url: string;
}

describe.skipIf(!postgresUrl)('a pairing whose ends are served by two processes', { timeout: 180_000 }, () => {
  const startApi = async ({ url, serviceUrl }: TestDatabase, env: Record<string, string>): Promise<Api> => {
    const port = await getPort({ host: '127.0.0.1' });
    const program = runFile('api/server.ts', {
      ...liveKitVariables,
      ...encryptionVariables,
      DATABASE_URL: url,
      DATABASE_SERVICE_URL: serviceUrl,
      JWT_SECRET: jwtSecret,
      API_HOST: '127.0.0.1',
      API_PORT: String(port),
      ...env,
    });
    await expect.poll(() => program.lines.join('\n'), { timeout: 30_000 }).toContain('the API listens');
    return { ...program, url: `http://127.0.0.1:${port}` };
  };

  /** Two processes, and a pairing that was made at one of them and claimed at the other. */
  const newPairing = async (env: Record<string, string> = {}) => {
    const world = await openWorld(postgresUrl ?? undefined);
    onTestFinished(() => world.close());
    const user = await world.newUser();
    const { token } = await createAccessTokens(jwtSecret, 'HS256', systemClock).sign(user);
    const database = world.server as TestDatabase;
    const [home, away] = await Promise.all([startApi(database, env), startApi(database, env)]);
    const post = async (api: Api, path: string, body: object): Promise<unknown> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch(`${api.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.ok).toBe(true);
      return answer.json();
    };
    const { pairing, code } = (await post(home, '/pairings', {})) as PairingWithCode;
    const { id } = pairing;
    const computer = await connectClient({ url: home.url, pairingId: id }, { end: 'computer', token });
    await post(away, '/pairings/claim', { code });
    const phone = await connectClient({ url: away.url, pairingId: id }, { end: 'phone', phoneEpoch: 1, token });
    await computer.event('phone-connected');
    return { world, home, away, database, id, token, computer, phone };
  };

  /** The phone dictates, the computer sees it and answers with a change of its own, which the phone sees. */
  const dictate = async (phone: PairingClient, computer: PairingClient, text: string) => {
    const segment = { id: newId(), raw: text, text, edits: [], saidAt: new Date().toISOString() };
    phone.send({ type: 'operation', id: newId(), operation: { type: 'write', segment } });
    const shows = (wanted: string) => (client: PairingClient) =>
      client.next('event', ({ event }) => JSON.stringify(event).includes(wanted));
    await shows(`"text":"${text}"`)(computer);
    const revised = `${text}, revised`;
    computer.send({
      type: 'operation',
      id: newId(),
      operation: { type: 'revise', segmentId: segment.id, text: revised },
    });
    await shows(`"text":"${revised}"`)(phone);
  };

  const expectWhole = (...clients: PairingClient[]) => {
    for (const { sequences } of clients) {
      expect(sequences).toEqual(sequences.map((_sequence, index) => index + (sequences[0] ?? 0)));
    }
  };

  it('works over notifications of PostgreSQL, and over another process when one is killed', async () => {
    const { world, home, away, database, id, token, computer, phone } = await newPairing();
    const listening = sql`application_name = 'parley-notifications' and datname = current_database()`;
    expect(await world.admin.$count(sql`pg_stat_activity`, listening)).toBe(2);
    for (const text of ['26 mod', '37 o']) await dictate(phone, computer, text);
    expectWhole(computer, phone);

    await killProgram(home);
    await computer.closed;
    const spare = await startApi(database, {});
    const after = computer.sequences.at(-1) ?? 0;
    const back = await connectClient({ url: spare.url, pairingId: id }, { end: 'computer', token, after });
    await dictate(phone, back, '48 b');
    expect(back.sequences[0]).toBe(after + 1);
    expectWhole(back, phone);

    away.child.kill('SIGTERM');
    expect(await phone.closed).toBe(1012);
    expect(await away.exit).toEqual([0, null]);
    await back.event('phone-disconnected');
  });

  it.skipIf(!redisIsInstalled)('works over Redis, and loses nothing when that is killed', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const { computer, phone } = await newPairing({ REDIS_URL: server.url });
    const redis = new Redis(server.url);
    expect(await redis.pubsub('NUMSUB', 'parley_pairings')).toEqual(['parley_pairings', 2]);
    redis.disconnect();
    await dictate(phone, computer, '26 mod');
    await server.kill();
    await dictate(phone, computer, '37 o');
    await server.restart();
    await dictate(phone, computer, '48 b');
    expectWhole(computer, phone);
  });
});
