import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { lifetimes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { newSessionSchema } from '../../domain/session.ts';
import { createSession, endSession, getSession, listSessions, updateSession } from '../../services/session-records.ts';
import { endAbandonedSessions, renewSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

const draft = newSessionSchema.parse({});

describeOnBothDatabases('session records', (world) => {
  const newContext = async () => world().context(await world().newUser());

  it('are made without a token, which comes later and joins the same session', async () => {
    const context = await newContext();
    const created = await createSession(context, { agentName: 'oracy', modality: 'text', title: 'First lesson' });
    expect(created).toMatchObject({
      agentName: 'oracy',
      modality: 'text',
      title: 'First lesson',
      createdAt: world().clock.now().toISOString(),
      endedAt: null,
      version: 1,
    });
    const issued = await issueToken(context, { room_name: created.roomName });
    expect(issued.session_id).toBe(created.id);
    expect(await getSession(context, { sessionId: created.id })).toEqual(created);
    const [stored] = await world().admin.select().from(sessions).where(eq(sessions.id, created.id));
    expect(JSON.stringify(stored)).not.toContain('lesson');
  });

  it('have the first agent unless another is asked for, and refuse a stranger by the field', async () => {
    const context = await newContext();
    expect(await createSession(context, draft)).toMatchObject({ agentName: 'parley', modality: 'voice', title: null });
    await expect(createSession(context, { ...draft, agentName: 'stranger' })).rejects.toMatchObject({
      code: 'invalid_input',
      faults: [{ field: 'agentName' }],
    });
    const agentless = { ...context, settings: { ...settings, agentNames: [] } };
    await expect(createSession(agentless, draft)).rejects.toMatchObject({ code: 'internal' });
  });

  it('are listed the newest first, by page, open or ended', async () => {
    const context = await newContext();
    const made = [];
    for (const title of ['a', 'b', 'c', 'd']) {
      made.push(await createSession(context, { ...draft, title }));
      world().clock.advance(1);
    }
    const [a, b, c, d] = made.map(({ id }) => id);
    await endSession(context, { sessionId: b as string });
    const page = await listSessions(context, { limit: 3 });
    expect(page.items.map(({ id }) => id)).toEqual([d, c, b]);
    const rest = await listSessions(context, { limit: 3, after: page.next ?? undefined });
    expect(rest).toMatchObject({ items: [{ id: a }], next: null });
    const idsOf = async (open: boolean) => (await listSessions(context, { open })).items.map(({ id }) => id);
    expect(await idsOf(true)).toEqual([d, c, a]);
    expect(await idsOf(false)).toEqual([b]);
  });

  it('are renamed on the version their writer saw', async () => {
    const context = await newContext();
    const { id: sessionId } = await createSession(context, draft);
    const renamed = await updateSession(context, { sessionId, changes: { title: 'Monday' }, ifVersions: [1] });
    expect(renamed).toMatchObject({ title: 'Monday', version: 2 });
    const late = updateSession(context, { sessionId, changes: { title: 'Tuesday' }, ifVersions: [1] });
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed' });
    expect(await updateSession(context, { sessionId, changes: {} })).toMatchObject({ title: 'Monday', version: 3 });
    expect(await updateSession(context, { sessionId, changes: { title: null } })).toMatchObject({ title: null });
  });

  it('end once, and send their agent away', async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const input = { sessionId: session.id };
    const ended = await endSession(world().context(user), input);
    expect(ended).toMatchObject({ endedAt: world().clock.now().toISOString(), version: 2 });
    await expect(renewSession(world().context(agent), input)).rejects.toMatchObject({ code: 'conflict' });
    world().clock.advance(1_000);
    expect(await endSession(world().context(user), input)).toEqual(ended);
  });

  it('have a new version whenever what is shown of them changes, whoever changed it', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const session = await world().newSession(user);
    const versionNow = async () => (await getSession(context, { sessionId: session.id })).version;
    await issueToken(context, { room_name: session.roomName });
    expect(await versionNow()).toBe(1);
    await issueToken(context, {
      room_name: session.roomName,
      room_config: { agents: [{ agent_name: 'oracy', metadata: '' }] },
    });
    expect(await versionNow()).toBe(2);
    await endSession(context, { sessionId: session.id });
    await issueToken(context, { room_name: session.roomName });
    expect(await versionNow()).toBe(4);
    await world().claim(user, session);
    expect(await versionNow()).toBe(4);
    world().clock.advance(settings.tokenTtlSeconds * 1_000 + lifetimes.leaseMs);
    await endAbandonedSessions(world().context(system));
    expect(await versionNow()).toBe(5);
    await world().claim(user, session);
    expect(await versionNow()).toBe(6);
  });

  it('are not found for another user, nor another session for an agent', async () => {
    const owner = await world().newUser();
    const { id: sessionId } = await world().newSession(owner);
    const neighbour = await world().claim(owner, await world().newSession(owner));
    const stranger = await newContext();
    expect((await listSessions(stranger, {})).items).toEqual([]);
    expect((await listSessions(world().context(neighbour), {})).items).toMatchObject([{ id: neighbour.sessionId }]);
    for (const tried of [
      () => getSession(stranger, { sessionId }),
      () => getSession(world().context(neighbour), { sessionId }),
      () => updateSession(stranger, { sessionId, changes: { title: 'mine' } }),
      () => endSession(stranger, { sessionId }),
    ]) {
      await expect(tried()).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  describe('of a tenant with a limit', () => {
    const newLimited = async (sessionsPerUser: number) => {
      const tenantId = await world().newTenant();
      await world()
        .admin.update(tenants)
        .set({ settings: { limits: { sessionsPerUser }, vendors: {}, retention: {} } })
        .where(eq(tenants.id, tenantId));
      return world().context(await world().newUser(tenantId));
    };

    it('are no more at once than that, those made together too', async () => {
      const context = await newLimited(3);
      const tried = await Promise.allSettled([
        ...Array.from({ length: 3 }, () => createSession(context, draft)),
        ...Array.from({ length: 3 }, () => issueToken(context, {})),
      ]);
      expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
      expect((await listSessions(context, { open: true })).items).toHaveLength(3);
      for (const { status, ...outcome } of tried) {
        if (status === 'rejected') expect(outcome).toMatchObject({ reason: { code: 'conflict' } });
      }
    });

    it('are not opened again beyond it', async () => {
      const context = await newLimited(1);
      const first = await createSession(context, draft);
      await endSession(context, { sessionId: first.id });
      const second = await createSession(context, draft);
      await expect(issueToken(context, { room_name: first.roomName })).rejects.toMatchObject({ code: 'conflict' });
      expect(await issueToken(context, { room_name: second.roomName })).toMatchObject({ session_id: second.id });
      await endSession(context, { sessionId: second.id });
      expect(await issueToken(context, { room_name: first.roomName })).toMatchObject({ session_id: first.id });
    });
  });
});
