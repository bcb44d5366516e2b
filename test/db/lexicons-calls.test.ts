import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { lifetimes } from '../../core/limits.ts';
import type { UserActor } from '../../domain/actor.ts';
import { topics } from '../../domain/conversation.ts';
import { correct } from '../../services/lexicon-learning.ts';
import { addLexiconEntry } from '../../services/lexicons.ts';
import type { Rooms } from '../../services/rooms.ts';
import { endSession } from '../../services/session-records.ts';
import { renewSession } from '../../services/sessions.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const pack = 'nl-dental';
const entry = { canonical: 'cariës', category: 'term', variants: [] };

describeOnBothDatabases('the agents of running calls', (world) => {
  let admin: UserActor;
  beforeEach(async () => {
    admin = { ...(await world().newUser(await world().newTenant())), roles: ['admin'] };
    world().rooms.told.length = 0;
  });

  const newCall = async (user: UserActor) => {
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const packet = { roomName: session.roomName, topic: topics.lexicon, identity: agent.jobIdentity };
    return { agent, sessionId: session.id, packet };
  };
  const told = () => world().rooms.told.toSorted((a, b) => a.roomName.localeCompare(b.roomName));
  const inOrder = (packets: { roomName: string }[]) => packets.toSorted((a, b) => a.roomName.localeCompare(b.roomName));

  it('are told when the lexicon of their person changes, and no others', async () => {
    const [one, two] = [await newCall(admin), await newCall(admin)];
    const over = await newCall(admin);
    await endSession(world().context(admin), { sessionId: over.sessionId });
    await newCall(await world().newUser(admin.tenantId));
    await addLexiconEntry(world().context(admin), { owner: 'user', pack, entry });
    await expect.poll(told).toEqual(inOrder([one.packet, two.packet]));
  });

  it('are told when the lexicon of their tenant changes, whoever they talk with', async () => {
    const calls = [await newCall(admin), await newCall(await world().newUser(admin.tenantId))];
    await newCall(await world().newUser());
    await addLexiconEntry(world().context(admin), { owner: 'tenant', pack, entry });
    await expect.poll(told).toEqual(inOrder(calls.map(({ packet }) => packet)));
  });

  it('are told of corrections once they apply, and of nothing that was refused', async () => {
    const { packet } = await newCall(admin);
    const context = world().context(admin);
    const correction = { pack, spoken: 'karius', written: 'cariës', rule: 'lexicon', remember: false };
    await correct(context, correction);
    await expect(addLexiconEntry(context, { owner: 'user', pack, entry })).rejects.toMatchObject({ code: 'conflict' });
    await correct(context, correction);
    await expect.poll(told).toEqual([packet]);
  });

  it('that have not been heard of for long are left out', async () => {
    await newCall(admin);
    world().clock.advance(lifetimes.leaseMs);
    const { packet } = await newCall(admin);
    await addLexiconEntry(world().context(admin), { owner: 'user', pack, entry });
    await expect.poll(told).toEqual([packet]);
  });

  it('learn of it with their heartbeat', async () => {
    const { agent, sessionId } = await newCall(admin);
    const version = async () => (await renewSession(world().context(agent), { sessionId })).lexiconVersion;
    const first = await version();
    expect(await version()).toBe(first);
    await addLexiconEntry(world().context(admin), { owner: 'user', pack, entry });
    const second = await version();
    await addLexiconEntry(world().context(admin), { owner: 'tenant', pack, entry });
    expect(new Set([first, second, await version()]).size).toBe(3);
  });

  describe('when they can not be told', () => {
    /** What is logged, and rooms that answer as given. */
    const withRooms = (tell: Rooms['tell']) => {
      const logged: unknown[] = [];
      const log = pino({ base: null, timestamp: false }, { write: (line) => logged.push(JSON.parse(line)) });
      const rooms = Object.assign(Object.create(world().rooms), { tell }) as Rooms;
      return { logged, context: { ...world().context(admin), rooms, log } };
    };

    it('get to know later, and the change stands', async () => {
      for (let calls = 0; calls < 3; calls += 1) await newCall(admin);
      const { logged, context } = withRooms(() => Promise.reject(new AppError('unavailable', 'away')));
      await expect(addLexiconEntry(context, { owner: 'user', pack, entry })).resolves.toMatchObject(entry);
      await expect.poll(() => logged).toHaveLength(1);
      expect(logged).toEqual([{ level: 40, missed: 3, calls: 3, msg: expect.any(String) }]);
      expect(JSON.stringify(logged)).not.toContain('cari');
    });

    it('nobody is kept waiting, and not many are told at once', async () => {
      for (let calls = 0; calls < 45; calls += 1) await newCall(admin);
      const waiting: (() => void)[] = [];
      const { context } = withRooms(() => new Promise((resolve) => waiting.push(resolve)));
      await addLexiconEntry(context, { owner: 'user', pack, entry });
      const sizes: number[] = [];
      for (let answered = 0; answered < 45; ) {
        await expect.poll(() => waiting.length).toBeGreaterThan(0);
        sizes.push(waiting.length);
        for (const answer of waiting.splice(0)) {
          answer();
          answered += 1;
        }
      }
      expect(Math.max(...sizes)).toBe(20);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(45);
    });

    it('because the database is away, that is logged without a word of the lexicon', async () => {
      await newCall(admin);
      let transactions = 0;
      const database: typeof context.database = {
        transaction: (scope, work) => {
          transactions += 1;
          if (transactions > 1) return Promise.reject(new AppError('unavailable', 'The database is away'));
          return world().database.transaction(scope, work);
        },
      };
      const { logged, context } = withRooms(() => Promise.reject(new Error('nobody is found')));
      await addLexiconEntry({ ...context, database }, { owner: 'user', pack, entry });
      await expect.poll(() => logged).toEqual([{ level: 40, reason: 'The database is away', msg: expect.any(String) }]);
    });
  });
});
