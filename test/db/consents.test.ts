import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { listConsents, recordConsent } from '../../services/consents.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const granted = { purpose: 'recording', granted: true, policyVersion: '2026-11' } as const;
const withdrawn = { ...granted, granted: false } as const;

describeOnBothDatabases('consents', (world) => {
  it('count by the newest decision of each purpose, and keep every one', async () => {
    const user = await world().newUser();
    const agent = await world().claim(user, await world().newSession(user));
    const context = world().context(user);
    const first = await recordConsent(context, granted);
    world().clock.advance(1_000);
    const training = await recordConsent(context, { ...granted, purpose: 'training' });
    world().clock.advance(1_000);
    const last = await recordConsent(context, withdrawn);
    expect(last).toEqual({ ...withdrawn, id: last.id, decidedAt: world().clock.now().toISOString() });

    expect((await listConsents(context, {})).items).toEqual([last, training]);
    expect((await listConsents(world().context(agent), {})).items).toEqual([last, training]);
    expect((await listConsents(context, { history: true })).items).toEqual([last, training, first]);
  });

  it('come a page at a time', async () => {
    const context = world().context(await world().newUser());
    for (const decision of [granted, withdrawn, granted]) await recordConsent(context, decision);
    const page = await listConsents(context, { history: true, limit: 2 });
    expect(page.items.map((consent) => consent.granted)).toEqual([true, false]);
    const rest = await listConsents(context, { history: true, limit: 2, after: page.next ?? undefined });
    expect(rest).toMatchObject({ items: [{ granted: true }], next: null });
  });

  it('count in the order they came, however the clocks of two machines differ', async () => {
    const context = world().context(await world().newUser());
    await recordConsent(context, granted);
    const behind = { ...context, clock: () => new Date(context.clock().getTime() - 60_000) };
    await recordConsent(behind, withdrawn);
    expect((await listConsents(context, {})).items).toMatchObject([{ granted: false }]);
  });

  it('that come together all differ in time', async () => {
    const context = world().context(await world().newUser());
    await Promise.all(Array.from({ length: 8 }, () => recordConsent(context, granted)));
    const { items } = await listConsents(context, { history: true });
    expect(new Set(items.map(({ decidedAt }) => decidedAt)).size).toBe(8);
    expect((await listConsents(context, {})).items).toEqual(items.slice(0, 1));
  });

  it('belong to one user, who must be there', async () => {
    const user = await world().newUser();
    await recordConsent(world().context(user), granted);
    expect((await listConsents(world().context(await world().newUser()), { history: true })).items).toEqual([]);
    const nobody = world().context({ ...user, userId: newId() });
    await expect(recordConsent(nobody, granted)).rejects.toMatchObject({ code: 'not_found' });
  });
});
