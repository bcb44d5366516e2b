import { DrizzleQueryError, sql } from 'drizzle-orm';
import { describe, expect, inject, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import type { Transaction } from '../../db/client.ts';
import { devices } from '../../db/schema/devices.ts';
import { users } from '../../db/schema/users.ts';
import type { Actor } from '../../domain/actor.ts';
import { getProfile } from '../../services/profiles.ts';
import { withActor, withService } from '../../services/with-actor.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { deviceOf } from './people.ts';
import { openWorld, system, type World } from './world.ts';

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
    await expect(withActor(world().context(user), () => Promise.reject('no error at all'))).rejects.toBe(
      'no error at all',
    );
  });

  it('is the service in one tenant for a server and for a part of the service that works there', async () => {
    const tenantId = await world().newTenant();
    const [here] = [await world().newUser(tenantId), await world().newUser()];
    const seenBy = (actor: Actor) => withActor(world().context(actor), (tx) => tx.select({ id: users.id }).from(users));
    const server = { kind: 'server', tenantId, apiKeyId: newId(), scopes: [] } as const;
    for (const actor of [server, { ...system, tenantId }]) expect(await seenBy(actor)).toEqual([{ id: here.userId }]);
    expect((await seenBy(system)).length).toBeGreaterThan(1);
  });

  it('takes what no text may hold for wrong input, and what the driver says for a failed query', async () => {
    const user = await world().newUser();
    const wrong = withActor(world().context(user), (tx) => tx.execute(sql`select ${'\0'}::text`));
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_input' });
    const driver = Object.assign(new Error('private'), { code: '40001' });
    const failing = withActor(world().context(user), () => Promise.reject(driver));
    await expect(failing).rejects.toMatchObject({ code: 'internal', message: 'A query failed (40001)' });
    const other = Object.assign(new Error('of a file'), { code: 'ENOENT' });
    await expect(withActor(world().context(user), () => Promise.reject(other))).rejects.toBe(other);
  });

  it('takes a connection that the driver lost for an outage, in a query or between two', async () => {
    const user = await world().newUser();
    const lost = new Error('Connection terminated unexpectedly');
    for (const error of [lost, new DrizzleQueryError('select private', [], lost)]) {
      await expect(withActor(world().context(user), () => Promise.reject(error))).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.not.stringContaining('private'),
      });
    }
    const failed = new DrizzleQueryError('select private', [], new Error('of another kind'));
    const failing = withActor(world().context(user), () => Promise.reject(failed));
    await expect(failing).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('private') });
  });

  it('does not find what a row is to belong to once that has been removed', async () => {
    const { tenantId } = await world().newUser();
    const gone = { kind: 'user', tenantId, userId: newId(), roles: [] } as const;
    const belonging = withActor(world().context(gone), (tx) => tx.insert(devices).values(deviceOf(gone, world())));
    await expect(belonging).rejects.toMatchObject({ code: 'not_found' });
  });

  it('says of a failed query no more than its code', async () => {
    const user = await world().newUser();
    const failing = withActor(world().context(user), (tx) => tx.execute(sql`select 1 / ${'0'}::int as secret`));
    await expect(failing).rejects.toMatchObject({
      code: 'internal',
      message: 'A query failed (22012)',
      cause: undefined,
    });
  });

  it('may do what its verb has checked, as the service in the tenant of its actor alone', async () => {
    const [one, other] = [await world().newUser(), await world().newUser(await world().newTenant())];
    const seen = await withService(world().services, one, (tx) => tx.select({ id: users.id }).from(users));
    expect(seen).toContainEqual({ id: one.userId });
    expect(seen).not.toContainEqual({ id: other.userId });
  });
});

describe('an embedded database that is closed', () => {
  it('makes verbs unavailable', async () => {
    const world = await openWorld();
    const user = await world.newUser();
    await world.close();
    await expect(getProfile(world.context(user))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

const postgresUrl = inject('postgresUrl');

/** Process of the server that serves a transaction's connection. */
const processOf = async (tx: Pick<Transaction, 'select'>) => {
  const [row] = await tx.select({ pid: sql<number>`pg_backend_pid()` }).from(sql`(values (1)) as one`);
  return row?.pid;
};

/** Ends a connection as an operator would: a bound login may not. */
const cutOff = (world: World, pid?: number) => world.admin.execute(sql`select pg_terminate_backend(${pid}, 5000)`);

describe.skipIf(!postgresUrl)('a PostgreSQL server that goes away', () => {
  it('makes verbs unavailable, and serves them again once it is back', async () => {
    const world = await openWorld(postgresUrl ?? undefined);
    const user = await world.newUser();
    const betweenQueries = withActor(world.context(user), async (tx) => {
      await cutOff(world, await processOf(tx));
      await processOf(tx);
    });
    await expect(betweenQueries).rejects.toMatchObject({ code: 'unavailable' });
    const duringQuery = withActor(world.context(user), async (tx) => {
      const pid = await processOf(tx);
      await Promise.all([tx.execute(sql`select pg_sleep(60)`), cutOff(world, pid)]);
    });
    await expect(duringQuery).rejects.toMatchObject({ code: 'unavailable' });
    await expect(getProfile(world.context(user))).resolves.toMatchObject({ userId: user.userId });
    await world.close();
    await expect(getProfile(world.context(user))).rejects.toMatchObject({ code: 'unavailable' });
  });
});
