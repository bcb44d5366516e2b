import { sql } from 'drizzle-orm';
import { describe, expect, inject, it } from 'vitest';
import type { Transaction } from '../../db/client.ts';
import type { Actor } from '../../domain/actor.ts';
import { getProfile } from '../../services/profiles.ts';
import { withActor } from '../../services/with-actor.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { openWorld, system } from './world.ts';

const currentUser = async (tx: Pick<Transaction, 'select'>) => {
  const [row] = await tx
    .select({ userId: sql<string | null>`nullif(current_setting('app.user_id', true), '')` })
    .from(sql`(values (1)) as one`);
  return row?.userId;
};

describeOnBothDatabases('a transaction of an actor', (world) => {
  it("knows the actor's user, and nobody after it", async () => {
    const user = await world().newUser();
    expect(await withActor(world().context(user), currentUser)).toBe(user.userId);
    expect(await currentUser(world().admin)).toBeNull();
    for (const actor of [system, { kind: 'job', roomName: 'r', jobIdentity: 'j' }] satisfies Actor[]) {
      expect(await withActor(world().context(actor), currentUser)).toBeNull();
    }
  });

  it('keeps the users of transactions that run together apart', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => world().newUser()));
    const seen = await Promise.all(users.map((user) => withActor(world().context(user), currentUser)));
    expect(seen).toEqual(users.map((user) => user.userId));
  });

  it('leaves nothing behind when it fails, and lets the failure through', async () => {
    const user = await world().newUser();
    const failing = withActor(world().context(user), async (tx) => {
      await tx.execute(sql`update profiles set goal = 'lost'`);
      throw new RangeError('not ours');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect((await getProfile(world().context(user))).goal).toBeNull();
  });
});

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('a PostgreSQL server that goes away', () => {
  it('makes verbs unavailable, and serves them again once it is back', async () => {
    const world = await openWorld(postgresUrl ?? undefined);
    const user = await world.newUser();
    const cutOff = withActor(world.context(user), (tx) =>
      tx.execute(sql`select pg_terminate_backend(pg_backend_pid())`),
    );
    await expect(cutOff).rejects.toMatchObject({ code: 'unavailable' });
    await expect(getProfile(world.context(user))).resolves.toMatchObject({ userId: user.userId });
    await world.close();
    await expect(getProfile(world.context(user))).rejects.toMatchObject({ code: 'unavailable' });
  });
});
