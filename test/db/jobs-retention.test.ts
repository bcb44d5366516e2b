import { eq, sql } from 'drizzle-orm';
import { beforeEach, expect, it, vi } from 'vitest';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { facts } from '../../db/schema/facts.ts';
import { leases } from '../../db/schema/leases.ts';
import { magicLinks } from '../../db/schema/magic-links.ts';
import { notes } from '../../db/schema/notes.ts';
import { refreshTokens } from '../../db/schema/refresh-tokens.ts';
import { reminders } from '../../db/schema/reminders.ts';
import { summaries } from '../../db/schema/summaries.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { turns } from '../../db/schema/turns.ts';
import { userExports } from '../../db/schema/user-exports.ts';
import type { TenantSettings } from '../../domain/tenant.ts';
import { expireLeasesJob } from '../../jobs/expire-leases.ts';
import { purgeExpiredJob } from '../../jobs/purge-expired.ts';
import { requestExport } from '../../services/exports.ts';
import { seal } from '../../services/fields.ts';
import { expireLeases, purgeExpired } from '../../services/retention.ts';
import { appendTurn, listTurns } from '../../services/turns.ts';
import { CollectingMailer } from '../support/jobs.ts';
import { insertSummary } from './memory-samples.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

const dayMs = 86_400_000;
const nothing = {
  turns: 0,
  notes: 0,
  summaries: 0,
  facts: 0,
  reminders: 0,
  auditRows: 0,
  magicLinks: 0,
  refreshTokens: 0,
  exports: 0,
};

describeOnBothDatabases('retention', (world) => {
  const context = () => world().context(system);
  const daysAgo = (days: number) => new Date(world().clock.now().getTime() - days * dayMs);
  const keep = (tenantId: string, retention: TenantSettings['retention']) =>
    world()
      .admin.update(tenants)
      .set({ settings: { vendors: {}, limits: {}, retention } })
      .where(eq(tenants.id, tenantId));

  beforeEach(async () => {
    for (const table of [
      turns,
      notes,
      summaries,
      facts,
      reminders,
      auditLog,
      magicLinks,
      refreshTokens,
      userExports,
      leases,
    ]) {
      await world().admin.delete(table);
    }
    await world().admin.update(tenants).set({ settings: sql`'{}'` });
  });

  /** A new user's conversation with a turn so many days ago, for each. */
  const conversation = async (tenantId: string, days: number[]) => {
    const user = await world().newUser(tenantId);
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    for (const age of days) {
      const turn = {
        id: newId(),
        speaker: 'user',
        agent: null,
        text: `${age} days ago`,
        raw: null,
        edits: [],
        interrupted: false,
        latency: null,
        saidAt: daysAgo(age).toISOString(),
        position: null,
      } as const;
      await appendTurn(world().context(agent), { sessionId: session.id, turn: { ...turn, edits: [] } });
    }
    const texts = async () =>
      (await listTurns(world().context(user), { sessionId: session.id })).map(({ text }) => text);
    return { user, texts };
  };

  it('removes the turns a tenant no longer keeps, in batches, and has the cache forget whose they were', async () => {
    const [strict, lasting] = [await world().newTenant(), await world().newTenant()];
    await keep(strict, { turnsDays: 30 });
    const [ann, bob, eve] = [
      await conversation(strict, [90, 60, 31, 29]),
      await conversation(strict, [40]),
      await conversation(lasting, [400]),
    ];
    const forget = vi.fn(async () => undefined);
    const cache = { ...world().services.cache, forget };
    expect(await purgeExpired({ ...context(), cache }, { rowsPerBatch: 2 })).toEqual({ ...nothing, turns: 4 });
    expect(await ann.texts()).toEqual(['29 days ago']);
    expect(await bob.texts()).toEqual([]);
    expect(await eve.texts()).toEqual(['400 days ago']);
    for (const { user } of [ann, bob]) {
      expect(forget).toHaveBeenCalledWith({ tenantId: user.tenantId, userId: user.userId });
    }
    expect(forget).not.toHaveBeenCalledWith(expect.objectContaining({ userId: eve.user.userId }));
    expect(await purgeExpired(context())).toEqual(nothing);
  });

  it('removes the notes that were not changed for as long as a tenant keeps turns', async () => {
    const [strict, lasting] = [await world().newTenant(), await world().newTenant()];
    await keep(strict, { turnsDays: 30 });
    const noteOf = async (tenantId: string, age: number) => {
      const user = await world().newUser(tenantId);
      const { id: sessionId } = await world().newSession(user);
      const content = seal(world(), notes.content, sessionId, '{}');
      const [createdAt, updatedAt] = [daysAgo(900), daysAgo(age)];
      const { userId } = user;
      await world().admin.insert(notes).values({ sessionId, tenantId, userId, content, createdAt, updatedAt });
      return sessionId;
    };
    const kept = [await noteOf(strict, 29), await noteOf(lasting, 400)];
    for (const age of [31, 40, 800]) await noteOf(strict, age);
    expect(await purgeExpired(context(), { rowsPerBatch: 2 })).toEqual({ ...nothing, notes: 3 });
    const left = await world().admin.select({ sessionId: notes.sessionId }).from(notes);
    expect(left.map(({ sessionId }) => sessionId).toSorted()).toEqual(kept.toSorted());
  });

  it('removes the summaries written longer ago than a tenant keeps turns, and has the cache forget whose they were', async () => {
    const [strict, lasting] = [await world().newTenant(), await world().newTenant()];
    await keep(strict, { turnsDays: 30 });
    const forget = vi.fn(async () => undefined);
    const cache = { ...world().services.cache, forget };
    const summaryOf = async (tenantId: string, age: number) => {
      const user = await world().newUser(tenantId);
      const { id: sessionId } = await world().newSession(user);
      await insertSummary(world(), { ...user, sessionId }, 'They spoke.', daysAgo(age));
      return { sessionId, userId: user.userId };
    };
    const kept = [await summaryOf(strict, 29), await summaryOf(lasting, 400)];
    const { userId } = await summaryOf(strict, 31);
    expect(await purgeExpired({ ...context(), cache })).toEqual({ ...nothing, summaries: 1 });
    const left = await world().admin.select({ sessionId: summaries.sourceSessionId }).from(summaries);
    expect(left.map(({ sessionId }) => sessionId).toSorted()).toEqual(
      kept.map(({ sessionId }) => sessionId).toSorted(),
    );
    expect(forget).toHaveBeenCalledWith({ tenantId: strict, userId });
  });

  it('removes the facts that nobody agreed to and the reminders that came for the last time, as turns', async () => {
    const [strict, lasting] = [await world().newTenant(), await world().newTenant()];
    await keep(strict, { turnsDays: 30 });
    const factOf = async (tenantId: string, state: 'proposed' | 'kept', age: number) => {
      const { userId } = await world().newUser(tenantId);
      const id = newId();
      const text = seal(world(), facts.text, id, 'Sings');
      const row = { id, tenantId, userId, agent: 'companion', text, state, proposedAt: daysAgo(age) };
      await world().admin.insert(facts).values(row);
      return id;
    };
    const reminderOf = async (tenantId: string, dueAt: Date | null, age: number) => {
      const { userId } = await world().newUser(tenantId);
      const id = newId();
      const text = seal(world(), reminders.text, id, 'Call the garage');
      const when = { firstLocalTime: '2026-01-01T09:00', timeZone: 'Europe/Amsterdam', dueAt };
      const row = { id, tenantId, userId, text, ...when, createdAt: daysAgo(900), deliveredAt: daysAgo(age) };
      await world().admin.insert(reminders).values(row);
      return id;
    };
    const keptFacts = [
      await factOf(strict, 'kept', 400),
      await factOf(strict, 'proposed', 29),
      await factOf(lasting, 'proposed', 400),
    ];
    const keptReminders = [
      await reminderOf(strict, daysAgo(-1), 40),
      await reminderOf(strict, null, 29),
      await reminderOf(lasting, null, 400),
    ];
    await factOf(strict, 'proposed', 31);
    await reminderOf(strict, null, 31);
    expect(await purgeExpired(context())).toEqual({ ...nothing, facts: 1, reminders: 1 });
    for (const [table, kept] of [
      [facts, keptFacts],
      [reminders, keptReminders],
    ] as const) {
      const left = await world().admin.select({ id: table.id }).from(table);
      expect(left.map(({ id }) => id).toSorted()).toEqual(kept.toSorted());
    }
  });

  it('removes the audit rows a tenant no longer keeps', async () => {
    const [strict, lasting] = [await world().newTenant(), await world().newTenant()];
    await keep(strict, { auditDays: 365 });
    const row = (tenantId: string, days: number) => ({
      id: newId(),
      tenantId,
      at: daysAgo(days),
      actorKind: 'user',
      actorId: newId(),
      action: 'sign-in',
    });
    const kept = [row(strict, 364), row(lasting, 1_000)];
    await world()
      .admin.insert(auditLog)
      .values([row(strict, 366), row(strict, 500), ...kept]);
    expect(await purgeExpired(context())).toEqual({ ...nothing, auditRows: 2 });
    const left = await world().admin.select({ id: auditLog.id }).from(auditLog);
    expect(left.map(({ id }) => id).toSorted()).toEqual(kept.map(({ id }) => id).toSorted());
  });

  it('removes the links, refresh tokens and exports that nobody can use any more', async () => {
    const user = await world().newUser();
    const { tenantId, userId } = user;
    const now = world().clock.now();
    const ended = (ms: number) => new Date(now.getTime() - ms);
    const link = (expiresAt: Date) => {
      const id = newId();
      const email = seal(world(), magicLinks.email, id, 'ann@example.test');
      return { id, tenantId, secretHash: id, email, emailIndex: 'index', createdAt: now, expiresAt };
    };
    const token = (expiresAt: Date) => {
      const id = newId();
      return { id, tenantId, userId, familyId: newId(), secretHash: id, createdAt: now, expiresAt };
    };
    const [freshLink, freshToken] = [link(ended(lifetimes.spentSecretMs)), token(ended(lifetimes.spentSecretMs))];
    await world()
      .admin.insert(magicLinks)
      .values([freshLink, link(ended(lifetimes.spentSecretMs + 1))]);
    await world()
      .admin.insert(refreshTokens)
      .values([freshToken, token(ended(lifetimes.spentSecretMs + 1))]);
    const { id: exportId } = await requestExport(world().context(user));
    expect(await purgeExpired(context())).toEqual({ ...nothing, magicLinks: 1, refreshTokens: 1 });
    expect(await world().admin.select({ id: magicLinks.id }).from(magicLinks)).toEqual([{ id: freshLink.id }]);
    expect(await world().admin.select({ id: refreshTokens.id }).from(refreshTokens)).toEqual([{ id: freshToken.id }]);
    expect(await world().admin.select({ id: userExports.id }).from(userExports)).toEqual([{ id: exportId }]);

    world().clock.advance(lifetimes.exportMs);
    const info = vi.spyOn(world().services.log, 'info');
    await purgeExpiredJob.handle({ ...context(), mailer: new CollectingMailer(), reminderSenders: [] }, {});
    expect(info.mock.calls[0]?.[0]).toEqual({ ...nothing, magicLinks: 1, refreshTokens: 1, exports: 1 });
  });

  it('removes the leases of jobs whose session token has run out as well', async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    await world().claim(user, session);
    world().clock.advance(lifetimes.leaseMs + lifetimes.sessionTokenSeconds * 1_000);
    expect(await expireLeases(context())).toBe(0);
    world().clock.advance(1);
    await expireLeasesJob.handle({ ...context(), mailer: new CollectingMailer(), reminderSenders: [] }, {});
    expect(await world().admin.select().from(leases)).toEqual([]);
    await expireLeasesJob.handle({ ...context(), mailer: new CollectingMailer(), reminderSenders: [] }, {});
  });

  it('is for the service alone', async () => {
    const user = await world().newUser();
    await expect(purgeExpired(world().context(user))).rejects.toMatchObject({ code: 'forbidden' });
    await expect(expireLeases(world().context(user))).rejects.toMatchObject({ code: 'forbidden' });
  });
});
