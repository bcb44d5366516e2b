import { getTableName, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { personalTables, tables } from '../../db/tables.ts';
import type { Actor } from '../../domain/actor.ts';
import { scopes } from '../../domain/api-key.ts';
import { roles } from '../../domain/role.ts';
import { permissions, type Verb } from '../../services/permissions.ts';
import { newTarget, type Target } from './target.ts';
import { type Caller, isAllowed, samples } from './verb-samples.ts';
import type { World } from './world.ts';

const verbs = Object.keys(permissions) as Verb[];

/** Everybody there is, by name, made from one person: each role, each scope of an API key, and those who are no users. */
const actorsOf: Record<string, (target: Target) => Actor> = {
  ...Object.fromEntries(roles.map((role) => [`a ${role}`, ({ user }: Target) => ({ ...user, roles: [role] })])),
  'a user without a role': ({ user }) => ({ ...user, roles: [] }),
  ...Object.fromEntries(
    // An admin, so that it is the scope that decides.
    scopes.map((scope) => [
      `a key for a user with ${scope}`,
      ({ user }: Target) => ({ ...user, roles: ['admin'] as const, scopes: [scope] }),
    ]),
  ),
  'a key for a user without a scope': ({ user }) => ({ ...user, roles: ['admin'], scopes: [] }),
  'a key that speaks for nobody': ({ tenantId, apiKeyId }) => ({ kind: 'server', tenantId, apiKeyId, scopes }),
  'an agent': ({ agent }) => agent,
  'a job': ({ roomName, agent }) => ({ kind: 'job', roomName, jobIdentity: agent.jobIdentity }),
  'the service': () => ({ kind: 'system', name: 'test' }),
};

const callerOf = (world: World, actor: Actor): Caller => ({
  ...world.context(actor),
  accounts: world.accounts,
  mailer: { send: async () => undefined },
});

/** What became of a call: its result, or the code of its refusal. */
async function outcomeOf(call: Promise<unknown>): Promise<{ result?: unknown; code?: string }> {
  try {
    return { result: await call };
  } catch (error) {
    if (error instanceof AppError) return { code: error.code };
    throw error;
  }
}

/**
 * Every verb by everybody there is: for whom the table says it is, and of nobody else's. On one database, since it takes minutes.
 * @param world the one that is open while a test runs
 */
export function describeMatrix(world: () => World): void {
  /** Every row of a tenant, or of a person, as text. */
  const rowsOf = async ({ tenantId, userId }: Target, whose: 'tenant' | 'person'): Promise<string[]> => {
    const selections =
      whose === 'person'
        ? personalTables.map(({ table, owner }) => ({ table, column: owner.name, id: userId }))
        : tables.map((table) => ({ table, column: table === tenants ? 'id' : 'tenant_id', id: tenantId }));
    const texts: string[] = [];
    for (const { table, column, id } of selections) {
      const result: unknown = await world().admin.execute(
        sql`select row_to_json(r)::text as row from ${table} r where ${sql.identifier(column)} = ${id} order by 1`,
      );
      const { rows } = z.object({ rows: z.array(z.object({ row: z.string() })) }).parse(result);
      texts.push(...rows.map(({ row }) => `${getTableName(table)}: ${row}`));
    }
    return texts;
  };

  // Whom no verb may touch, so that one of each does for all of them.
  let elsewhere: Target;
  let neighbour: Target;
  beforeAll(async () => {
    elsewhere = await newTarget(world(), await world().newTenant());
    neighbour = await newTarget(world());
  });

  describe.each(verbs)('%s', (verb) => {
    const tried = Object.entries(samples[verb]);

    it('has a sample', () => {
      expect(tried.length).toBeGreaterThan(0);
    });

    const tryOn = async (actor: Actor, other: Target, who: string) => {
      for (const [name, sample] of tried) {
        const { result, code } = await outcomeOf(sample(callerOf(world(), actor), other));
        if (actor.kind !== 'system') expect(code, `${name} by ${who}`).not.toBe('internal');
        const { userId, sessionId, deviceId, lexiconEntryId, apiKeyId, exportId, roomName } = other;
        const shown = JSON.stringify(result) ?? '';
        for (const id of [userId, sessionId, deviceId, lexiconEntryId, apiKeyId, exportId, roomName]) {
          expect(shown, `${name} by ${who}`).not.toContain(id);
        }
      }
    };

    it('is for whom the table says, on what is their own', async () => {
      const bystander = await newTarget(world());
      for (const [who, actorOf] of Object.entries(actorsOf)) {
        const allowed = isAllowed(verb, actorOf(bystander));
        for (const [name, sample] of tried) {
          const triedOn = (target: Target) => outcomeOf(sample(callerOf(world(), actorOf(target)), target));
          let { code } = await triedOn(bystander);
          // Somebody who was allowed as well may have used it up.
          if (allowed && code !== undefined) ({ code } = await triedOn(await newTarget(world())));
          expect(code, `${name} by ${who}`).toBe(allowed ? undefined : 'forbidden');
        }
      }
    });

    it('neither shows nor changes anything of another tenant, or of another user', async () => {
      const own = await newTarget(world());
      const rows = async () => [await rowsOf(elsewhere, 'tenant'), await rowsOf(neighbour, 'person')];
      const before = await rows();
      for (const row of before) expect(row).not.toHaveLength(0);
      for (const [who, actorOf] of Object.entries(actorsOf)) {
        const made = actorOf(own);
        const actor: Actor = made.kind === 'system' ? { ...made, tenantId: own.tenantId } : made;
        if (!isAllowed(verb, actor)) continue;
        await tryOn(actor, elsewhere, who);
        // A tenant's keys and the service's work are not one user's alone.
        if (actor.kind !== 'system' && !verb.startsWith('api-keys.')) await tryOn(actor, neighbour, who);
      }
      expect(await rows()).toEqual(before);
    });
  });
}
