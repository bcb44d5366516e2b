import { type SQL, sql } from 'drizzle-orm';
import PgBoss from 'pg-boss';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { deadLetterQueueOf, type JobName, jobPayloads } from '../domain/job.ts';
import type { CoreContext } from './context.ts';
import { missingQueue, queueIn } from './job-queue.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** A job that was given up after its last try. */
export interface DeadLetter {
  id: string;
  job: JobName;
  /** When it was given up, ISO 8601. */
  givenUpAt: string;
  /** Why the last try failed, in words of ours. */
  reason: string;
  /** The ids in its payload, by field. What else is in there is not shown. */
  ids: Record<string, string>;
}

/** Which dead letters: some by id, those of a job, or all. */
export interface DeadLetterSelection {
  ids?: readonly string[];
  job?: JobName;
}

type DeadLetterContext = Pick<CoreContext, 'database' | 'actor'>;

/** Jobs that can be given up. */
export const jobNames = Object.keys(jobPayloads) as JobName[];

/** The dead letters of a selection, oldest first. @param limit At most so many. */
export async function listDeadLetters(
  context: DeadLetterContext,
  { limit, ...selection }: DeadLetterSelection & { limit: number },
): Promise<DeadLetter[]> {
  requirePermission(context.actor, 'jobs.read');
  const rows = await withActor(context, (tx) =>
    rowsOf(
      tx,
      sql`select id, name, data, output, to_char(created_on at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "givenUpAt"
        from pgboss.job where ${isSelected(selection)} order by created_on, id limit ${limit}`,
    ),
  );
  return z.array(rowSchema).parse(rows).map(deadLetterOf);
}

/**
 * Queues the jobs of a selection anew, with all their tries.
 * @returns how many.
 * @throws AppError `not_found` when an id is no dead letter's; nothing is queued then.
 */
export async function retryDeadLetters(context: DeadLetterContext, selection: DeadLetterSelection): Promise<number> {
  requirePermission(context.actor, 'jobs.write');
  const boss = new PgBoss({});
  return withActor(context, async (tx) => {
    const taken = await removeSelected(tx, selection);
    for (const { id, name, data } of taken) {
      const queued = await boss.send(jobOf(name), data, { id, db: queueIn(tx) });
      if (queued === null) throw missingQueue(jobOf(name));
    }
    return taken.length;
  });
}

/**
 * Removes the dead letters of a selection: their work is never done.
 * @returns how many.
 * @throws AppError `not_found` when an id is no dead letter's; nothing is removed then.
 */
export async function purgeDeadLetters(context: DeadLetterContext, selection: DeadLetterSelection): Promise<number> {
  requirePermission(context.actor, 'jobs.write');
  return withActor(context, async (tx) => (await removeSelected(tx, selection)).length);
}

const takenSchema = z.object({ id: z.string(), name: z.string(), data: z.record(z.string(), z.unknown()) });
const rowSchema = takenSchema.extend({ givenUpAt: z.string(), output: z.unknown() });
/** As the jobs' process leaves it; pg-boss itself leaves another one for a run whose time was over. */
const outputSchema = z.object({ reason: z.string() });

const queues = new Map<string, JobName>(jobNames.map((name) => [deadLetterQueueOf(name), name]));

function isSelected({ ids, job }: DeadLetterSelection): SQL {
  const names = job === undefined ? [...queues.keys()] : [deadLetterQueueOf(job)];
  const isOfJob = sql`name = any(${sql.param(names)}::text[]) and state < 'active'`;
  return ids ? sql`${isOfJob} and id = any(${sql.param(ids)}::uuid[])` : isOfJob;
}

async function removeSelected(tx: Transaction, selection: DeadLetterSelection) {
  const rows = await rowsOf(tx, sql`delete from pgboss.job where ${isSelected(selection)} returning id, name, data`);
  const removed = z.array(takenSchema).parse(rows);
  const missing = selection.ids?.find((id) => !removed.some((row) => row.id === id));
  if (missing !== undefined) throw new AppError('not_found', `There is no dead letter ${missing}`);
  return removed;
}

async function rowsOf(tx: Transaction, query: SQL): Promise<unknown[]> {
  const result: unknown = await tx.execute(query);
  return z.object({ rows: z.array(z.unknown()) }).parse(result).rows;
}

function deadLetterOf({ id, name, givenUpAt, data, output }: z.infer<typeof rowSchema>): DeadLetter {
  const { data: told } = outputSchema.safeParse(output);
  return {
    id,
    job: jobOf(name),
    givenUpAt,
    reason: told?.reason ?? 'Its process was gone, or its time was over',
    ids: Object.fromEntries(
      Object.entries(data).filter((field): field is [string, string] => z.uuid().safeParse(field[1]).success),
    ),
  };
}

/** The job of a dead-letter queue; no other queue is ever selected. */
function jobOf(queue: string): JobName {
  return queues.get(queue) as JobName;
}
