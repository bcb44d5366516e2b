import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Scope, Transaction } from '../../db/client.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { ensureUserId } from '../../services/identities.ts';
import { openWorld, type World } from './world.ts';

const postgresUrl = inject('postgresUrl');

// The embedded database has one session: there nobody comes in between.
describe.skipIf(!postgresUrl)('a user whom somebody else makes between two looks', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld(postgresUrl ?? undefined);
  });
  afterAll(() => world.close());

  it('is found by the second one, and not made twice', async () => {
    const scope: Scope = { role: 'service', tenantId: defaultTenant.id };
    const name = { tenantId: defaultTenant.id, provider: 'email' as const, subject: 'ann@example.test' };
    const ensure = (tx: Transaction) => ensureUserId(world, tx, name, { now: world.clock.now(), verified: true });
    let other: string | undefined;
    const found = await world.database.transaction(scope, (tx) => {
      const overtaken: Transaction = Object.create(tx, {
        execute: {
          value: async (lock: Parameters<Transaction['execute']>[0]) => {
            other = await world.database.transaction(scope, ensure);
            return tx.execute(lock);
          },
        },
      });
      return ensure(overtaken);
    });
    expect(other).toBeDefined();
    expect(found).toBe(other);
  });
});
