import { afterEach, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { userExports } from '../../db/schema/user-exports.ts';
import { jobs } from '../../jobs/registry.ts';
import type { RunningJobs } from '../../jobs/start.ts';
import { readExport, requestExport, writeExport } from '../../services/exports.ts';
import { updateProfile } from '../../services/profiles.ts';
import { runJobs } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

describeOnBothDatabases('exports', (world) => {
  let running: RunningJobs | undefined;
  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  it('are written by a job, sealed, and read by their user', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    await updateProfile(context, { changes: { preferredName: 'Annelies' } });
    const requested = await requestExport(context);
    expect(requested).toMatchObject({ document: null });
    expect(await requestExport(context)).toEqual(requested);

    running = await runJobs(world(), jobs);
    const { id: exportId } = requested;
    const documentOf = async () => (await readExport(context, { exportId })).document;
    await expect.poll(documentOf, { timeout: 30_000 }).toMatchObject({
      format: 'parley-user-export',
      userId: user.userId,
      profiles: [{ preferred_name: 'Annelies' }],
    });
    const [stored] = await world().admin.select().from(userExports);
    expect(stored?.document).not.toContain('Annelies');
    // Done: whoever asks again gets a new one.
    expect((await requestExport(context)).id).not.toBe(exportId);
  });

  it('are written once', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const { id: exportId } = await requestExport(context);
    const payload = { exportId, tenantId: user.tenantId, userId: user.userId };
    await writeExport(world().context(system), payload);
    const first = await readExport(context, { exportId });
    world().clock.advance(1_000);
    await writeExport(world().context(system), payload);
    expect(await readExport(context, { exportId })).toEqual(first);
    expect(first.document).toMatchObject({ userId: user.userId });
  });

  it("are nobody else's, end, and are refused to agents and API keys", async () => {
    const [user, other] = [await world().newUser(), await world().newUser()];
    const { id: exportId } = await requestExport(world().context(user));
    const missing = { code: 'not_found' };
    await expect(readExport(world().context(other), { exportId })).rejects.toMatchObject(missing);
    await expect(readExport(world().context(user), { exportId: newId() })).rejects.toMatchObject(missing);
    const keyed = { ...user, scopes: ['profiles:read', 'profiles:write'] as const };
    await expect(requestExport(world().context(keyed))).rejects.toMatchObject({ code: 'forbidden' });
    const payload = { exportId, tenantId: user.tenantId, userId: user.userId };
    await expect(writeExport(world().context(user), payload)).rejects.toMatchObject({ code: 'forbidden' });
    world().clock.advance(lifetimes.exportMs);
    await expect(readExport(world().context(user), { exportId })).rejects.toMatchObject(missing);
  });
});
