import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { sessions } from '../../db/schema/sessions.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { turns } from '../../db/schema/turns.ts';
import { userRoles } from '../../db/schema/user-roles.ts';
import { users } from '../../db/schema/users.ts';
import { roles } from '../../domain/role.ts';
import { getProfile } from '../../services/profiles.ts';
import { exampleTenant, seedExample } from '../../services/seeding.ts';
import { listTurns } from '../../services/turns.ts';
import { findUserByEmail } from '../../services/user-search.ts';
import { developmentUser, ensureUser } from '../../services/users.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

describeOnBothDatabases('example data', (world) => {
  const seed = (usersPerRole: number, isForced = false, onProgress?: (done: number, all: number) => void) =>
    seedExample(world().context(system), { usersPerRole, isForced, onProgress });
  const count = () => world().admin.$count(users, eq(users.tenantId, exampleTenant.id));

  it('has people of every role with sessions and turns, in a tenant of its own, and is made once', async () => {
    await ensureUser(world().context(system), developmentUser);
    const steps: string[] = [];
    expect(await seed(1, false, (done, all) => steps.push(`${done}/${all}`))).toEqual({
      users: roles.length,
      sessions: 2 * roles.length,
      turns: 8 * roles.length,
    });
    expect(steps).toEqual(roles.map((_, index) => `${index + 1}/${roles.length}`));
    const given = await world()
      .admin.select({ role: userRoles.role })
      .from(userRoles)
      .where(eq(userRoles.tenantId, exampleTenant.id));
    expect(given.map(({ role }) => role).toSorted()).toEqual([...roles].toSorted());

    expect(await seed(1)).toEqual({ users: 0, sessions: 0, turns: 0 });
    expect(await seed(2)).toMatchObject({ users: roles.length });
    expect(await count()).toBe(2 * roles.length);
    expect(await world().admin.$count(tenants, eq(tenants.slug, exampleTenant.slug))).toBe(1);
  });

  it('opens like what people have written themselves', async () => {
    const address = { email: 'Teacher-1@example.test', tenant: exampleTenant.slug };
    const userId = await findUserByEmail(world().context(system), address);
    if (!userId) throw new Error('there is no such user');
    const teacher = world().context({ kind: 'user', tenantId: exampleTenant.id, userId, roles: ['teacher'] });
    expect(await getProfile(teacher)).toMatchObject({ preferredName: 'Example teacher-1', language: 'en' });
    const [session] = await world().admin.select().from(sessions).where(eq(sessions.userId, userId));
    const said = await listTurns(teacher, { sessionId: session?.id ?? '' });
    expect(said.map(({ speaker, position }) => [speaker, position])).toEqual([
      ['agent', 1],
      ['user', 2],
      ['agent', 3],
      ['user', 4],
    ]);
    expect(await world().admin.$count(turns, eq(turns.tenantId, exampleTenant.id))).toBe(16 * roles.length);
  });

  it('is not found under another tenant, or one that there is not', async () => {
    const find = (tenant?: string) =>
      findUserByEmail(world().context(system), { email: 'teacher-1@example.test', tenant });
    expect(await find()).toBeNull();
    expect(await find('nobody')).toBeNull();
  });

  it('goes beside real users only when that is insisted on', async () => {
    await world().newUser();
    await expect(seed(3)).rejects.toMatchObject({ code: 'conflict' });
    expect(await count()).toBe(2 * roles.length);
    expect(await seed(3, true)).toMatchObject({ users: roles.length });
  });
});
