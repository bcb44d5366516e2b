import { beforeAll, describe, expect, it } from 'vitest';
import type { Scope, Transaction } from '../../db/client.ts';
import { allTenants } from '../../db/policies.ts';
import { preferences } from '../../db/schema/preferences.ts';
import { profiles } from '../../db/schema/profiles.ts';
import { userRoles } from '../../db/schema/user-roles.ts';
import { users } from '../../db/schema/users.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { newPeople, type People, scopeOf, viewOf } from './people.ts';

/** Tables that no person may read, be it their own row. */
const serviceTables = ['api_keys', 'audit_log', 'magic_links', 'passwords', 'refresh_tokens'];

describeOnBothDatabases('row-level security', (world) => {
  let people: People;
  beforeAll(async () => {
    people = await newPeople(world());
  });

  const view = (scope: Scope) => viewOf(world().database, scope);

  describe('shows', () => {
    it('a person their own rows of every table, and not those that are for the service', async () => {
      const { ann } = people;
      expect(await view(scopeOf(ann))).toEqual({
        refused: serviceTables,
        empty: [],
        tenantIds: [ann.tenantId],
        userIds: [ann.userId],
        sessionIds: [ann.sessionId, ann.otherSessionId].sort(),
      });
    });

    it('an agent what its person sees, of its own session alone', async () => {
      const { ann, bob } = people;
      const { refused, empty, userIds, sessionIds } = await view({ ...scopeOf(ann), sessionId: ann.sessionId });
      expect({ refused, empty, userIds, sessionIds }).toEqual({
        refused: serviceTables,
        empty: [],
        userIds: [ann.userId],
        sessionIds: [ann.sessionId],
      });
      const mixed = await view({ ...scopeOf(ann), sessionId: bob.sessionId });
      expect(mixed).toMatchObject({
        empty: ['leases', 'notes', 'pairing_events', 'pairings', 'sessions', 'turns'],
        userIds: [ann.userId],
        sessionIds: [],
      });
    });

    it('the service every row of its tenant, and of no other', async () => {
      const { ann, bob, eve } = people;
      const here = await view({ role: 'service', tenantId: ann.tenantId });
      expect(here).toMatchObject({ refused: [], empty: [], tenantIds: [defaultTenant.id] });
      expect(here.userIds).toEqual(expect.arrayContaining([ann.userId, bob.userId]));
      const there = await view({ role: 'service', tenantId: eve.tenantId });
      expect(there).toMatchObject({ refused: [], empty: [], tenantIds: [eve.tenantId], userIds: [eve.userId] });
      const everywhere = await view({ role: 'service', tenantId: allTenants });
      expect(everywhere.tenantIds).toEqual([ann.tenantId, eve.tenantId].sort());
    });

    it('nobody anything where it is not said whose transaction it is', async () => {
      const { ann, eve } = people;
      const nothing = { tenantIds: [], userIds: [], sessionIds: [] };
      expect(await view({ role: 'service', tenantId: null })).toMatchObject(nothing);
      expect(await view({ ...scopeOf(ann), tenantId: null })).toMatchObject(nothing);
      expect(await view({ ...scopeOf(ann), tenantId: allTenants })).toMatchObject(nothing);
      expect(await view({ role: 'user', tenantId: ann.tenantId })).toMatchObject({ userIds: [], sessionIds: [] });
      expect(await view({ ...scopeOf(ann), tenantId: eve.tenantId })).toMatchObject({ userIds: [], sessionIds: [] });
    });
  });

  it('leaves nothing of a transaction to the next one on its connection, kept or rolled back', async () => {
    const { ann, bob } = people;
    const own = (tx: Transaction) => tx.select({ id: users.id }).from(users);
    for (const ending of ['commit', 'rollback'] as const) {
      // Often enough for PostgreSQL to keep one plan of the prepared query, which must not keep its user.
      for (const { userId, tenantId } of Array.from({ length: 8 }, (_, index) => (index % 2 ? ann : bob))) {
        const seen = world().database.transaction(scopeOf({ userId, tenantId }), async (tx) => {
          const found = await own(tx);
          if (ending === 'rollback') throw new Rollback(found);
          return found;
        });
        expect(await seen.catch((error: Rollback) => error.found)).toEqual([{ id: userId }]);
      }
    }
    expect(await world().database.transaction({ role: 'user', tenantId: ann.tenantId }, own)).toEqual([]);
  });

  it('refuses queries that come after the end of their transaction', async () => {
    const { ann, bob } = people;
    let late: Promise<PromiseSettledResult<unknown>[]> | undefined;
    let kept: Transaction | undefined;
    const failing = world().database.transaction(scopeOf(ann), async (tx) => {
      kept = tx;
      const first = tx.select().from(profiles);
      // It is refused before the transaction is over, and would be nobody's until then.
      late = Promise.allSettled([first.then(() => tx.update(profiles).set({ version: 77 }))]);
      throw new RangeError('the verb has failed');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect((await late)?.map(({ status }) => status)).toEqual(['rejected']);
    const meanwhile = world().database.transaction(scopeOf(bob), async (tx) => {
      await expect(Promise.resolve(kept?.select().from(profiles))).rejects.toThrow();
      return tx.select({ userId: profiles.userId, version: profiles.version }).from(profiles);
    });
    expect(await meanwhile).toEqual([{ userId: bob.userId, version: 1 }]);
  });

  it('keeps a query that nobody waited for in its transaction', async () => {
    const [owner, other] = [await world().newUser(), await world().newUser()];
    const versionOf = async (user: typeof owner) =>
      (
        await world().database.transaction(scopeOf(user), (tx) =>
          tx.select({ version: profiles.version }).from(profiles),
        )
      )[0];
    let left: Promise<unknown> | undefined;
    await world().database.transaction(scopeOf(owner), async (tx) => {
      await tx.select().from(profiles);
      left = tx.update(profiles).set({ version: 50 }).execute();
    });
    await left;
    expect([await versionOf(owner), await versionOf(other)]).toEqual([{ version: 50 }, { version: 1 }]);
  });

  it('keeps 200 people apart who come at once', async () => {
    const crowd = await Promise.all(Array.from({ length: 200 }, () => world().newUser()));
    const seen = await Promise.all(
      crowd.map((user) =>
        world().database.transaction(scopeOf(user), async (tx) => {
          const [mine, changed] = await Promise.all([
            tx.select({ userId: profiles.userId }).from(profiles),
            tx.update(preferences).set({ version: 2 }).returning({ userId: preferences.userId }),
          ]);
          return [...mine, ...changed, ...(await tx.select({ userId: userRoles.userId }).from(userRoles))];
        }),
      ),
    );
    expect(seen).toEqual(crowd.map(({ userId }) => [{ userId }, { userId }, { userId }]));
  });
});

class Rollback extends Error {
  readonly found: { id: string }[];

  constructor(found: { id: string }[]) {
    super('rolled back by the test');
    this.found = found;
  }
}
