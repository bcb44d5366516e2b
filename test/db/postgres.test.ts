import { eq, getTableName, sql } from 'drizzle-orm';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase, type Scope, type Transaction } from '../../db/client.ts';
import { errorCodeOf } from '../../db/errors.ts';
import { profiles } from '../../db/schema/profiles.ts';
import { users } from '../../db/schema/users.ts';
import { tables } from '../../db/tables.ts';
import type { UserActor } from '../../domain/actor.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { openWorld, type World } from './world.ts';

const forbidden = '42501';
const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('PostgreSQL', () => {
  let world: World;
  let server: TestDatabase;
  let user: UserActor;
  let scope: Scope;
  /** Has one connection a login, so that transactions follow each other on it. */
  let database: Database;
  const unhandled: unknown[] = [];
  const keep = (reason: unknown) => unhandled.push(reason);

  beforeAll(async () => {
    world = await openWorld(postgresUrl ?? undefined);
    server = world.server as TestDatabase;
    user = await world.newUser();
    scope = { role: 'user', tenantId: user.tenantId, userId: user.userId };
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    process.on('unhandledRejection', keep);
    database = await openDatabase({ ...server, poolSize: 1 });
  });
  afterEach(async () => {
    await database.close();
    process.off('unhandledRejection', keep);
    expect(unhandled.splice(0)).toEqual([]);
  });

  const run = <T>(work: (tx: Transaction) => Promise<T>) => database.transaction(scope, work);
  const processOf = async (tx: Transaction) => {
    const [row] = await tx.select({ pid: sql<number>`pg_backend_pid()` }).from(users);
    return row?.pid;
  };
  const stateOf = async (pid?: number) => {
    const { rows } = (await world.admin.execute(
      sql`select state from pg_stat_activity where pid = ${pid}`,
    )) as unknown as { rows: { state: string }[] };
    return rows[0]?.state;
  };
  const cutOff = (pid?: number) => world.admin.execute(sql`select pg_terminate_backend(${pid}, 5000)`);

  describe('a login by itself', () => {
    const asLogin = async (url: string, statement: string) => {
      const client = new pg.Client(url);
      await client.connect();
      try {
        return await client.query(statement).then(() => 'done', errorCodeOf);
      } finally {
        await client.end();
      }
    };

    it('reads and writes nothing: what is forgotten outside of a transaction with a scope fails', async () => {
      for (const url of [server.url, server.serviceUrl]) {
        for (const table of tables) {
          expect(await asLogin(url, `select 1 from ${getTableName(table)}`)).toBe(forbidden);
        }
        expect(await asLogin(url, 'delete from profiles')).toBe(forbidden);
        expect(await asLogin(url, 'create table public.mine (id int)')).toBe(forbidden);
        expect(await asLogin(url, 'select rolpassword from pg_authid')).toBe(forbidden);
      }
    });

    it('becomes its own role and no other', async () => {
      const others = ['parley_test_owner', 'postgres'];
      for (const [url, own, other] of [
        [server.url, 'parley_user', 'parley_service'],
        [server.serviceUrl, 'parley_service', 'parley_user'],
      ] as const) {
        expect(await asLogin(url, `set role ${own}`)).toBe('done');
        for (const role of [other, ...others]) expect(await asLogin(url, `set role ${role}`)).toBe(forbidden);
        expect(await asLogin(url, 'set session authorization postgres')).toBe(forbidden);
        expect(await asLogin(url, `grant ${other} to ${own}`)).toBe(forbidden);
      }
    });

    it.each(['set local role parley_service', 'set local role postgres', 'reset role', 'commit'])(
      'gains nothing by %s in the middle of a transaction',
      async (statement) => {
        const escaping = run(async (tx) => {
          await tx.execute(sql.raw(statement));
          return tx.select().from(profiles);
        });
        expect(await escaping.catch(errorCodeOf)).toBe(forbidden);
        expect(await run((tx) => tx.select({ userId: profiles.userId }).from(profiles))).toEqual([
          { userId: user.userId },
        ]);
      },
    );
  });

  describe('a transaction that fails', () => {
    /** Fails a transaction, and makes sure that its connection is left clean and serves the next one. */
    const failureOf = async (failing: () => Promise<unknown>) => {
      const pid = await run(processOf);
      const failure: unknown = await failing().then(
        () => 'nothing failed',
        (error: unknown) => error,
      );
      expect(await stateOf(pid)).toBe('idle');
      expect(await run(processOf)).toBe(pid);
      return failure;
    };

    it('because its scope could not be set says so, not that the query behind it was ignored', async () => {
      const wrong: Scope = { ...scope, tenantId: 'no text with \0 in it' };
      const failure = await failureOf(() => database.transaction(wrong, (tx) => tx.select().from(profiles)));
      expect(errorCodeOf(failure)).toBe('22021');
      const unasked = await failureOf(() => database.transaction(wrong, async () => 'no query'));
      expect(errorCodeOf(unasked)).toBe('22021');
    });

    it('with its first query says why', async () => {
      const failure = await failureOf(() => run((tx) => tx.execute(sql`select 1 / ${0}::int`)));
      expect(errorCodeOf(failure)).toBe('22012');
    });

    it('before its first query says why', async () => {
      const failure = await failureOf(() => run(() => Promise.reject(new RangeError('ours'))));
      expect(failure).toEqual(new RangeError('ours'));
    });

    it('with one of several queries under way gives one error, and keeps nothing of the others', async () => {
      const failure = await failureOf(() =>
        run((tx) =>
          Promise.all([
            tx.update(profiles).set({ version: 50 }),
            tx.execute(sql`select 1 / ${0}::int`),
            tx.update(profiles).set({ version: 51 }),
            tx.execute(sql`select no_such_column from profiles`),
          ]),
        ),
      );
      expect(errorCodeOf(failure)).toBe('22012');
      expect(await run((tx) => tx.select({ version: profiles.version }).from(profiles))).toEqual([{ version: 1 }]);
    });

    it('and hides it is not taken for one that was committed', async () => {
      const failure = await failureOf(() =>
        run(async (tx) => {
          await tx.update(profiles).set({ version: 50 });
          await tx.execute(sql`select 1 / ${0}::int`).catch(() => undefined);
        }),
      );
      expect(failure).toMatchObject({ code: 'internal', message: expect.stringContaining('was rolled back') });
      expect(await run((tx) => tx.select({ version: profiles.version }).from(profiles))).toEqual([{ version: 1 }]);
    });
  });

  it.each<[string, (tx: Transaction, pid?: number) => Promise<unknown>]>([
    ['before a query', (tx, pid) => cutOff(pid).then(() => tx.select().from(profiles))],
    ['during a query', (tx, pid) => Promise.all([tx.execute(sql`select pg_sleep(60)`), cutOff(pid)])],
    ['before the commit', (_tx, pid) => cutOff(pid)],
  ])('opens another connection for the next transaction when one is lost %s', async (_when, lose) => {
    let lost: number | undefined;
    const failing = run(async (tx) => {
      lost = await processOf(tx);
      await tx.update(profiles).set({ version: 50 });
      await lose(tx, lost);
    });
    await expect(failing).rejects.toThrow();
    expect(await run(processOf)).not.toBe(lost);
    expect(await run((tx) => tx.select({ version: profiles.version }).from(profiles))).toEqual([{ version: 1 }]);
  });

  it('opens another connection when an idle one was lost', async () => {
    const lost = await run(processOf);
    await cutOff(lost);
    await expect.poll(() => run(processOf).catch(() => lost)).not.toBe(lost);
  });

  it('plans a statement with parameters once a connection, and not without end', async () => {
    const uses = async (tx: Transaction, statement: string) => {
      const { rows } = (await tx.execute(
        sql.raw(`select (generic_plans + custom_plans)::int as uses from pg_prepared_statements
          where statement like '${statement}'`),
      )) as unknown as { rows: { uses: number }[] };
      return rows;
    };
    for (let round = 0; round < 3; round += 1) {
      await run((tx) => tx.select().from(profiles).where(eq(profiles.userId, user.userId)));
    }
    expect(await run((tx) => uses(tx, '%from "profiles" where%'))).toEqual([{ uses: 3 }]);
    expect(await run((tx) => uses(tx, '%set_config%'))).toEqual([{ uses: 5 }]);

    await run(async (tx) => {
      for (let index = 0; index < 520; index += 1)
        await tx.execute(sql`select ${index}::int as ${sql.raw(`c${index}`)}`);
    });
    expect((await run((tx) => uses(tx, '%'))).length).toBe(501);
  });

  it('has no connection for a role without a login', async () => {
    const { serviceUrl } = server;
    const service = await openDatabase({ serviceUrl, poolSize: 1 });
    const asking = service.transaction(scope, (tx) => tx.select().from(profiles));
    await expect(asking).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('role user') });
    await service.close();
  });

  it('keeps no transaction waiting for a connection beyond what is reported', async () => {
    let finish = () => {};
    const holding = run(() => new Promise<void>((resolve) => (finish = resolve)));
    await expect(run(processOf)).rejects.toThrow('timeout exceeded when trying to connect');
    finish();
    await holding;
  });
});
