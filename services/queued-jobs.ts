import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Transaction } from '../db/client.ts';
import { normalEmail } from '../domain/account.ts';
import { deadLetterQueueOf, jobPayloads } from '../domain/job.ts';
import type { CoreContext } from './context.ts';
import { openMail } from './mail.ts';

/** Where pg-boss keeps jobs: those to be done or just done, and those done for a while. */
const queueTables = [sql`pgboss.job`, sql`pgboss.archive`];

const mailRowsSchema = z.object({ rows: z.array(z.object({ id: z.string(), data: z.unknown() })) });
const presenceSchema = z.object({ rows: z.tuple([z.object({ present: z.boolean() })]) });
const deletedSchema = z.object({ rows: z.array(z.unknown()) });

/**
 * Deletes the jobs that name a user and the mail to their addresses, done or not, in a transaction of the service. Mail has to
 * be opened to be told; the queue keeps it for days at most.
 * @param addresses In their normal form.
 * @returns how many jobs are gone.
 */
export async function deleteQueuedJobs(
  context: Pick<CoreContext, 'cipher'>,
  tx: Transaction,
  { userId, addresses }: { userId: string; addresses: readonly string[] },
): Promise<number> {
  const { rows } = presenceSchema.parse(
    await tx.execute(sql`select to_regclass('pgboss.archive') is not null as present`),
  );
  if (!rows[0].present) return 0;
  let deleted = 0;
  for (const table of queueTables) {
    const mail = await mailTo(context, tx, table, addresses);
    const gone = await tx.execute(
      sql`delete from ${table} where data->>'userId' = ${userId} or id = any(${sql.param(mail)}::uuid[]) returning id`,
    );
    deleted += deletedSchema.parse(gone).rows.length;
  }
  return deleted;
}

async function mailTo(
  context: Pick<CoreContext, 'cipher'>,
  tx: Transaction,
  table: SQL,
  addresses: readonly string[],
): Promise<string[]> {
  const dead = deadLetterQueueOf('send-mail');
  const { rows } = mailRowsSchema.parse(
    await tx.execute(sql`select id, data from ${table} where name in ('send-mail', ${dead})`),
  );
  return rows.filter(({ data }) => addresses.includes(recipientOf(context, data) ?? '')).map(({ id }) => id);
}

/** Whom a queued message is for; undefined when it can't be read: one whose key is gone must not keep anybody's data here. */
function recipientOf(context: Pick<CoreContext, 'cipher'>, data: unknown): string | undefined {
  try {
    return normalEmail(openMail(context, jobPayloads['send-mail'].parse(data)).to);
  } catch {
    return undefined;
  }
}
