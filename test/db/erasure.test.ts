import { eq, getTableName, type SQL, sql } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../core/ids.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { identities } from '../../db/schema/identities.ts';
import { turns } from '../../db/schema/turns.ts';
import { users } from '../../db/schema/users.ts';
import { personalTables, tables } from '../../db/tables.ts';
import { createCache } from '../../services/cache.ts';
import { eraseUser } from '../../services/erasure.ts';
import { seal } from '../../services/fields.ts';
import { queueMail } from '../../services/mail.ts';
import { createMemoryCacheStore } from '../../services/memory-cache-store.ts';
import { getProfile } from '../../services/profiles.ts';
import { exportUser } from '../../services/user-export.ts';
import { withService } from '../../services/with-actor.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { newWholePerson } from './whole-person.ts';
import { system, type World } from './world.ts';

async function rowsOf<T>({ admin }: World, schema: z.ZodType<T>, query: SQL): Promise<T[]> {
  return z.object({ rows: z.array(schema) }).parse(await admin.execute(query)).rows;
}

/** Every table of the schema `public`, and whether it has a column `user_id`, as the database says. */
function tablesOf(world: World): Promise<{ name: string; isPersonal: boolean }[]> {
  const schema = z.object({ name: z.string(), isPersonal: z.boolean() });
  return rowsOf(
    world,
    schema,
    sql`select relname as name,
      exists (select from pg_attribute where attrelid = c.oid and attname = 'user_id') as "isPersonal"
      from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`,
  );
}

/** In how many rows of each table, and of the queue, a text occurs; tables without it are left out. */
async function traces(world: World, text: string): Promise<Record<string, number>> {
  const places = [...tables.map((table) => `public.${getTableName(table)}`), 'pgboss.job', 'pgboss.archive'];
  const found = await Promise.all(
    places.map(async (place) => {
      const query = sql`select 1 as one from ${sql.raw(place)} t where strpos(t::text, ${text}) > 0`;
      return [place, (await rowsOf(world, z.unknown(), query)).length] as const;
    }),
  );
  return Object.fromEntries(found.filter(([, count]) => count));
}

async function exported(world: World, userId: string, rowsPerPage?: number) {
  const pieces: string[] = [];
  for await (const piece of await exportUser(world.context(system), { userId, rowsPerPage })) pieces.push(piece);
  return JSON.parse(pieces.join('')) as Record<string, Record<string, unknown>[]>;
}

describeOnBothDatabases('what belongs to a person', (world) => {
  it('is found by the list of tables, which lacks none', async () => {
    const there = await tablesOf(world());
    expect(tables.map(getTableName).toSorted()).toEqual(there.map(({ name }) => name));
    const personal = there.filter(({ isPersonal }) => isPersonal).map(({ name }) => name);
    expect(personalTables.map(({ name }) => name).toSorted()).toEqual([...personal, 'users'].toSorted());
  });

  it('goes with the user in every table', () => {
    for (const { table, name } of personalTables.filter((each) => each.table !== users)) {
      const toUsers = getTableConfig(table).foreignKeys.filter((key) => key.reference().foreignTable === users);
      expect({ name, onDelete: toUsers.map((key) => key.onDelete) }).toEqual({ name, onDelete: ['cascade'] });
    }
  });
});

describeOnBothDatabases('erasing a user', (world) => {
  const erase = (userId: string, more: object = {}) => eraseUser({ ...world().context(system), ...more }, { userId });

  it('leaves no trace but ids in the audit log, and touches nobody else', async () => {
    const [gone, kept] = [await newWholePerson(world()), await newWholePerson(world())];
    const before = await exported(world(), kept.user.userId);
    const found = await traces(world(), gone.user.userId);
    const owned = personalTables.map(({ name }) => name);
    expect(Object.keys(found)).toEqual(expect.arrayContaining(owned.map((name) => `public.${name}`)));

    const { rows, jobs, externalAccounts } = await erase(gone.user.userId);
    expect(Object.keys(rows).toSorted()).toEqual([...owned, 'magic_links'].toSorted());
    expect(rows).toMatchObject({ users: 1, turns: 1, identities: 2, magic_links: 2 });
    // Two links by mail and the export that was asked for.
    expect({ jobs, externalAccounts }).toEqual({ jobs: 3, externalAccounts: 0 });
    expect(Object.keys(await traces(world(), gone.user.userId))).toEqual(['public.audit_log']);

    const after = await exported(world(), kept.user.userId);
    const { audit_log: entries = [], ...rest } = before;
    expect(after).toMatchObject({ ...rest, exportedAt: after.exportedAt, audit_log: expect.arrayContaining(entries) });
    expect((await traces(world(), kept.user.userId))['pgboss.job']).toBe(1);
    await expect(getProfile(world().context(gone.user))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is written down by id, and has nothing to do a second time', async () => {
    const { userId, tenantId } = await world().newUser();
    expect((await erase(userId)).rows).toEqual({
      users: 1,
      profiles: 1,
      preferences: 1,
      onboarding_states: 1,
      user_roles: 1,
    });
    expect(await erase(userId)).toEqual({ rows: {}, jobs: 0, externalAccounts: 0 });
    const entries = await world().admin.select().from(auditLog).where(eq(auditLog.subjectId, userId));
    expect(entries).toMatchObject([{ tenantId, actorKind: 'system', actorId: system.name, action: 'user.erase' }]);
  });

  it('reaches what the cache holds', async () => {
    const cache = createCache(createMemoryCacheStore(world().clock.now));
    const user = await world().newUser();
    await getProfile({ ...world().context(user), cache });
    await erase(user.userId, { cache });
    await expect(getProfile({ ...world().context(user), cache })).rejects.toMatchObject({ code: 'not_found' });
    await cache.close();
  });

  it('deletes accounts at their issuer first, and keeps ours when that fails', async () => {
    const { user } = await newWholePerson(world());
    const id = newId();
    await world()
      .admin.insert(identities)
      .values({
        id,
        tenantId: user.tenantId,
        userId: user.userId,
        provider: 'oidc:https://issuer.example.test',
        subject: seal(world().services, identities.subject, id, 'subject-7'),
        subjectIndex: world().cipher.index('oidc:https://issuer.example.test', 'subject-7'),
        createdAt: world().clock.now(),
      });
    const asked: object[] = [];
    const refusing = async () => {
      throw new RangeError('the issuer is away');
    };
    await expect(erase(user.userId, { deleteExternalUser: refusing })).rejects.toThrow(RangeError);
    expect(await getProfile(world().context(user))).toMatchObject({ userId: user.userId });

    const deleteExternalUser = async (name: object) => {
      asked.push(name);
      return true;
    };
    expect(await erase(user.userId, { deleteExternalUser })).toMatchObject({ externalAccounts: 1 });
    expect(asked).toEqual([{ issuer: 'https://issuer.example.test', subject: 'subject-7' }]);
  });

  it('counts no account that its issuer does not let us delete, and nothing when somebody was quicker', async () => {
    const user = await world().newUser();
    const id = newId();
    const provider = 'oidc:https://other.example.test';
    await world()
      .admin.insert(identities)
      .values({
        id,
        tenantId: user.tenantId,
        userId: user.userId,
        provider,
        subject: seal(world().services, identities.subject, id, 's'),
        subjectIndex: world().cipher.index(provider, 's'),
        createdAt: world().clock.now(),
      });
    const deleteExternalUser = async () => {
      await erase(user.userId);
      return false;
    };
    expect(await erase(user.userId, { deleteExternalUser })).toEqual({ rows: {}, jobs: 0, externalAccounts: 0 });
  });

  it('leaves mail to others in the queue, also when it cannot be read', async () => {
    const { user, secrets } = await newWholePerson(world());
    const context = world().context(system);
    await withService(context, user, async (tx) => {
      await queueMail(context, tx, { to: secrets.email.toUpperCase(), subject: 'a', text: 'a' });
      await queueMail(context, tx, { to: 'somebody.else@example.test', subject: 'b', text: 'b' });
      await world().queue.enqueue(tx, 'send-mail', { id: newId(), sealed: 'v1.retired.key' });
    });
    const count = async () =>
      (await rowsOf(world(), z.unknown(), sql`select id from pgboss.job where name = 'send-mail'`)).length;
    const before = await count();
    expect(await erase(user.userId)).toMatchObject({ jobs: 4 });
    expect(await count()).toBe(before - 3);
  });

  it('is for the service alone, in the tenant it works in', async () => {
    const user = await world().newUser();
    await expect(erase(user.userId, { actor: user })).rejects.toMatchObject({ code: 'forbidden' });
    const elsewhere = { ...system, tenantId: await world().newTenant() };
    expect(await erase(user.userId, { actor: elsewhere })).toMatchObject({ rows: {} });
    expect(await getProfile(world().context(user))).toMatchObject({ userId: user.userId });
  });

  it('works before there is a job queue', async () => {
    await world().admin.execute(sql`drop schema pgboss cascade`);
    const { userId } = await world().newUser();
    expect(await erase(userId)).toMatchObject({ rows: { users: 1 }, jobs: 0 });
  });
});

describeOnBothDatabases('exporting a user', (world) => {
  it('gives everything there is about them, opened, and nothing that signs anybody in', async () => {
    const { user, sessionId, secrets } = await newWholePerson(world());
    await newWholePerson(world());
    const document = await exported(world(), user.userId);
    expect(document).toMatchObject({
      format: 'parley-user-export',
      formatVersion: 1,
      exportedAt: world().clock.now().toISOString(),
      userId: user.userId,
      users: [{ id: user.userId }],
      profiles: [{ preferred_name: secrets.name, goal: secrets.goal }],
      preferences: [{ values: { theme: 'dark' } }],
      devices: [{ name: secrets.device, push_token: secrets.pushToken }],
      sessions: [{ id: sessionId, title: secrets.title, turns: [{ text: secrets.said, raw: secrets.heard }] }],
    });
    expect(Object.keys(document).slice(4).toSorted()).toEqual(
      [...personalTables.map(({ name }) => name).filter((name) => name !== 'turns'), 'audit_log'].toSorted(),
    );
    const text = JSON.stringify(document);
    for (const secret of Object.values(secrets)) expect(text).toContain(JSON.stringify(secret).slice(1, -1));
    expect(text).not.toMatch(/hash|subject_index|"document"|\$argon2|v1\.test\./);
    const owners = Object.values(document).flatMap((rows) => (Array.isArray(rows) ? rows : []));
    expect(new Set(owners.map((row) => row.user_id).filter(Boolean))).toEqual(new Set([user.userId]));
  });

  it('is the same read in many pages, turns in order', async () => {
    const { user, sessionId } = await newWholePerson(world());
    const said = [4, 2, 3].map((position) => ({ id: newId(), position }));
    await world()
      .admin.insert(turns)
      .values(
        said.map(({ id, position }) => ({
          id,
          tenantId: user.tenantId,
          userId: user.userId,
          sessionId,
          position,
          speaker: 'agent' as const,
          text: seal(world().services, turns.text, id, `line ${position}`),
          edits: [],
          interrupted: false,
          saidAt: world().clock.now(),
        })),
      );
    const [session] = (await exported(world(), user.userId, 2)).sessions ?? [];
    const inOrder = [1, 2, 3, 4].map((position) => ({ position }));
    expect(session).toMatchObject({ turns: inOrder });
    const { audit_log: _earlier, ...small } = await exported(world(), user.userId, 1);
    const { audit_log: _later, ...large } = await exported(world(), user.userId);
    expect(small).toEqual(large);
  });

  it('is written down, and refused for nobody and to users', async () => {
    const { userId } = await world().newUser();
    await exported(world(), userId);
    const entries = await world().admin.select().from(auditLog).where(eq(auditLog.subjectId, userId));
    expect(entries.map(({ action }) => action)).toEqual(['user.export']);
    await expect(exported(world(), newId())).rejects.toMatchObject({ code: 'not_found' });
    const user = await world().newUser();
    await expect(exportUser(world().context(user), { userId })).rejects.toMatchObject({ code: 'forbidden' });
  });
});
