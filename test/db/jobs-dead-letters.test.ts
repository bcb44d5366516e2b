import { sql } from 'drizzle-orm';
import { beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../core/ids.ts';
import { deadLetterQueueOf, type JobName } from '../../domain/job.ts';
import { jobs } from '../../jobs/registry.ts';
import { listDeadLetters, purgeDeadLetters, retryDeadLetters } from '../../services/dead-letters.ts';
import { prepareQueues } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

describeOnBothDatabases('dead letters', (world) => {
  const context = () => world().context(system);
  beforeEach(async () => {
    await world().admin.execute(sql`delete from pgboss.job`);
  });

  /** As pg-boss leaves a job that was given up. @returns its id. */
  const giveUp = async (job: JobName, data: object, output: object): Promise<string> => {
    const id = newId();
    await world().admin.execute(
      sql`insert into pgboss.job (id, name, data, output)
        values (${id}, ${deadLetterQueueOf(job)}, ${JSON.stringify(data)}::jsonb, ${JSON.stringify(output)}::jsonb)`,
    );
    return id;
  };
  const queued = async () => {
    const result: unknown = await world().admin.execute(
      sql`select id, name, data, retry_limit as tries from pgboss.job order by created_on, id`,
    );
    return z.object({ rows: z.array(z.unknown()) }).parse(result).rows;
  };
  const mail = () => ({ id: newId(), sealed: 'v1.test.ciphertext' });
  const exporting = () => ({ exportId: newId(), tenantId: newId(), userId: newId() });

  it('are listed with ids and reasons, without what is sealed', async () => {
    const [letter, data] = [mail(), exporting()];
    const first = await giveUp('send-mail', letter, { reason: 'The mail server did not take a message (451)' });
    const second = await giveUp('export-user', data, { value: { message: 'job failed by timeout in active state' } });
    const listed = await listDeadLetters(context(), { limit: 10 });
    expect(listed).toEqual([
      {
        id: first,
        job: 'send-mail',
        givenUpAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        reason: 'The mail server did not take a message (451)',
        ids: { id: letter.id },
      },
      {
        id: second,
        job: 'export-user',
        givenUpAt: expect.any(String),
        reason: 'Its process was gone, or its time was over',
        ids: data,
      },
    ]);
    expect(await listDeadLetters(context(), { limit: 1 })).toEqual(listed.slice(0, 1));
    expect(await listDeadLetters(context(), { job: 'export-user', limit: 10 })).toEqual(listed.slice(1));
    expect(await listDeadLetters(context(), { ids: [first], limit: 10 })).toEqual(listed.slice(0, 1));
  });

  it('are queued anew with all their tries', async () => {
    const letter = mail();
    const id = await giveUp('send-mail', letter, { reason: 'away' });
    await giveUp('export-user', exporting(), { reason: 'away' });
    expect(await retryDeadLetters(context(), { job: 'send-mail' })).toBe(1);
    expect(await queued()).toContainEqual({ id, name: 'send-mail', data: letter, tries: 7 });
    expect(await listDeadLetters(context(), { limit: 10 })).toMatchObject([{ job: 'export-user' }]);
    expect(await retryDeadLetters(context(), {})).toBe(1);
    expect(await listDeadLetters(context(), { limit: 10 })).toEqual([]);
  });

  it('are removed for good', async () => {
    const id = await giveUp('send-mail', mail(), { reason: 'away' });
    await giveUp('send-mail', mail(), { reason: 'away' });
    expect(await purgeDeadLetters(context(), { ids: [id] })).toBe(1);
    expect(await queued()).toHaveLength(1);
    expect(await purgeDeadLetters(context(), {})).toBe(1);
    expect(await queued()).toEqual([]);
  });

  it('stay as they are when one of those asked for is not there, or has no queue', async () => {
    const id = await giveUp('send-mail', mail(), { reason: 'away' });
    const unknown = newId();
    const missing = { code: 'not_found', message: `There is no dead letter ${unknown}` };
    await expect(retryDeadLetters(context(), { ids: [id, unknown] })).rejects.toMatchObject(missing);
    await expect(purgeDeadLetters(context(), { ids: [id, unknown] })).rejects.toMatchObject(missing);
    await world().admin.execute(sql`delete from pgboss.queue where name = 'send-mail'`);
    await expect(retryDeadLetters(context(), { ids: [id] })).rejects.toMatchObject({ code: 'unavailable' });
    await world().admin.execute(sql`drop schema pgboss cascade`);
    await prepareQueues(world(), jobs);
  });

  it('are for operators alone', async () => {
    const user = world().context(await world().newUser());
    const forbidden = { code: 'forbidden' };
    await expect(listDeadLetters(user, { limit: 1 })).rejects.toMatchObject(forbidden);
    await expect(retryDeadLetters(user, {})).rejects.toMatchObject(forbidden);
    await expect(purgeDeadLetters(user, {})).rejects.toMatchObject(forbidden);
  });
});
