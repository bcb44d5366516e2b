import { eq, getTableName, sql } from 'drizzle-orm';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { createFieldCipher, type FieldCipher } from '../../core/crypto/field-cipher.ts';
import { magicLinks } from '../../db/schema/magic-links.ts';
import { profiles } from '../../db/schema/profiles.ts';
import { sealedColumns } from '../../db/tables.ts';
import type { UserActor } from '../../domain/actor.ts';
import { type RotationProgress, rotateKeys } from '../../services/encryption.ts';
import { seal } from '../../services/fields.ts';
import { getOnboarding } from '../../services/onboarding.ts';
import { getProfile, updateProfile } from '../../services/profiles.ts';
import { listTurns } from '../../services/turns.ts';
import { findUserByEmail } from '../../services/user-search.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { newWholePerson } from './whole-person.ts';
import { openWorld, system, type World } from './world.ts';

const oldKey = `test:${'ab'.repeat(32)}`;
const newKey = `newer:${'cd'.repeat(32)}`;
const cipherOf = (...keys: string[]): FieldCipher => createFieldCipher(parseEncryptionKeys(keys.join(',')));
/** During a rotation: the new key seals, both open. */
const both = cipherOf(newKey, oldKey);
const newAlone = cipherOf(newKey);
const oldAlone = cipherOf(oldKey);

const rotation = (world: World, cipher = both) => ({ ...world.context(system), cipher });

const columnNames = sealedColumns.map(({ table, column }) => `${getTableName(table)}.${column.name}`);

/** Names of the keys there are ciphertexts of, by column. */
async function keysInUse({ admin }: World): Promise<Record<string, string[]>> {
  const keys = await Promise.all(
    sealedColumns.map(({ table, column }) =>
      admin
        .selectDistinct({ key: sql<string>`split_part(${column}, '.', 2)` })
        .from(table)
        .where(sql`${column} is not null`),
    ),
  );
  return Object.fromEntries(columnNames.map((name, index) => [name, (keys[index] ?? []).map(({ key }) => key)]));
}

const everyColumn = (keys: string[]) => Object.fromEntries(columnNames.map((name) => [name, keys]));

describeOnBothDatabases('rotating keys', (world) => {
  it('seals everything with the newest one, so that the older one can be thrown away', async () => {
    const { user, sessionId, secrets } = await newWholePerson(world());
    expect(await keysInUse(world())).toEqual(everyColumn(['test']));

    const { columns, faults } = await rotateKeys(rotation(world()), { batchSize: 1 });
    expect(faults).toEqual([]);
    expect(columns.map(({ column }) => column)).toEqual(columnNames);
    for (const column of columns) expect(column).toMatchObject({ rotated: expect.toSatisfy((n) => n > 0), left: 0 });
    expect(await keysInUse(world())).toEqual(everyColumn(['newer']));

    const context = { ...world().context(user), cipher: newAlone };
    expect(await getProfile(context)).toMatchObject({ preferredName: secrets.name, goal: secrets.goal });
    expect((await getOnboarding(context)).answers).toMatchObject({ preferred_name: secrets.name });
    expect(await listTurns(context, { sessionId })).toMatchObject([{ text: secrets.said, raw: secrets.heard }]);
    expect(await findUserByEmail(rotation(world(), newAlone), { email: secrets.email })).toBe(user.userId);
    expect(await findUserByEmail(rotation(world(), oldAlone), { email: secrets.email })).toBeNull();
    const links = await world().admin.select({ index: magicLinks.emailIndex }).from(magicLinks);
    expect(links.map(({ index }) => index)).toContain(newAlone.index('email', secrets.email));

    const again = await rotateKeys(rotation(world()));
    expect(again.columns).toEqual(columnNames.map((column) => ({ column, rotated: 0, left: 0 })));
  });

  it('seals what is in plain text since before there were keys', async () => {
    const { user } = await newWholePerson(world());
    await world().admin.execute(sql`update profiles set goal = 'older than keys' where user_id = ${user.userId}`);
    await world().admin.execute(
      sql`update onboarding_states set answers = '{"goal":"older"}' where user_id = ${user.userId}`,
    );
    await rotateKeys(rotation(world()));
    const context = { ...world().context(user), cipher: newAlone };
    expect((await getProfile(context)).goal).toBe('older than keys');
    expect((await getOnboarding(context)).answers).toEqual({ goal: 'older' });
  });

  it('leaves what it has no key for as it is, and says which columns and why', async () => {
    const { user, secrets } = await newWholePerson(world());
    const { columns, faults } = await rotateKeys(rotation(world(), newAlone));
    expect(columns).toContainEqual({ column: 'profiles.goal', rotated: 0, left: 1 });
    expect(faults).toContain('No key opens profiles.goal: ENCRYPTION_KEYS lacks the key it was sealed with');
    expect(faults.join()).not.toContain(user.userId);
    expect(await getProfile(world().context(user))).toMatchObject({ goal: secrets.goal });
    expect((await rotateKeys(rotation(world()))).faults).toEqual([]);
  });

  it('leaves a value that was moved from another row, and seals the others', async () => {
    const [one, other] = [await newWholePerson(world()), await newWholePerson(world())];
    const stolen = seal(world().services, profiles.goal, other.user.userId, 'not yours');
    await world().admin.update(profiles).set({ goal: stolen }).where(eq(profiles.userId, one.user.userId));
    const { columns, faults } = await rotateKeys(rotation(world()), { batchSize: 1 });
    expect(columns).toContainEqual({ column: 'profiles.goal', rotated: 1, left: 1 });
    expect(faults).toEqual([
      'A value of profiles.goal does not open: it was changed, moved or sealed with another key',
    ]);
    await world().admin.update(profiles).set({ goal: null }).where(eq(profiles.userId, one.user.userId));
  });

  it('goes on where it was ended, and has done no batch by half', async () => {
    for (let count = 0; count < 3; count += 1) await newWholePerson(world());
    const seen: RotationProgress[] = [];
    const ended = rotateKeys(rotation(world()), {
      batchSize: 1,
      onProgress: (progress) => {
        seen.push(progress);
        if (progress.column === 'identities.subject' && progress.done === 2) throw new RangeError('killed');
      },
    });
    await expect(ended).rejects.toThrow(RangeError);
    expect((await keysInUse(world()))['identities.subject']?.toSorted()).toEqual(['newer', 'test']);
    const rest = await rotateKeys(rotation(world()));
    const of = (name: string) => rest.columns.find(({ column }) => column === name);
    expect(of('identities.subject')).toMatchObject({ rotated: (seen.at(-1)?.due ?? 0) - 2, left: 0 });
    expect(await keysInUse(world())).toEqual(everyColumn(['newer']));
  });

  it('loses nothing that others write meanwhile, whichever key they seal with', async () => {
    const users = await Promise.all(Array.from({ length: 12 }, () => world().newUser()));
    const behind = cipherOf(oldKey, newKey);
    const write = async (user: UserActor, index: number) => {
      for (let round = 1; round <= 8; round += 1) {
        const cipher = (index + round) % 2 ? both : behind;
        const changes = { goal: `goal ${index} of round ${round}`, preferredName: `name ${round}` };
        await updateProfile({ ...world().context(user), cipher }, { changes });
      }
    };
    const rotating = async () => {
      for (let round = 0; round < 4; round += 1) await rotateKeys(rotation(world()), { batchSize: 3 });
    };
    await Promise.all([rotating(), ...users.map(write)]);
    const { columns } = await rotateKeys(rotation(world()));
    expect(columns.filter(({ left }) => left)).toEqual([]);
    for (const [index, user] of users.entries()) {
      const profile = await getProfile({ ...world().context(user), cipher: newAlone });
      expect(profile).toMatchObject({ goal: `goal ${index} of round 8`, preferredName: 'name 8' });
    }
  });

  it('is for the service alone', async () => {
    const user = await world().newUser();
    await expect(rotateKeys({ ...rotation(world()), actor: user })).rejects.toMatchObject({ code: 'forbidden' });
  });
});

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('rotating keys on PostgreSQL', () => {
  it('passes over a row that somebody has locked, and seals it the next time', async () => {
    const world = await openWorld(postgresUrl ?? undefined);
    const locker = new pg.Client(world.server?.adminUrl);
    await locker.connect();
    try {
      const { user } = await newWholePerson(world);
      await newWholePerson(world);
      await locker.query('begin');
      await locker.query('select from profiles where user_id = $1 for update', [user.userId]);
      const { columns } = await rotateKeys(rotation(world));
      expect(columns).toContainEqual({ column: 'profiles.goal', rotated: 1, left: 1 });
      await locker.query('rollback');
      expect((await rotateKeys(rotation(world))).columns).toContainEqual({
        column: 'profiles.goal',
        rotated: 1,
        left: 0,
      });
    } finally {
      await locker.end();
      await world.close();
    }
  });
});
