import { type SQL, sql } from 'drizzle-orm';
import PgBoss from 'pg-boss';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { type JobName, type JobPayload, jobPayloads } from '../domain/job.ts';

/** Where verbs leave work for later. */
export interface JobQueue {
  /**
   * Queues a job in the transaction of what causes it, which must be the service's (`withService`): either both are kept
   * or neither.
   * @throws ZodError for a payload that the job doesn't take.
   * @throws AppError `unavailable` when the database has no such queue yet.
   */
  enqueue<Name extends JobName>(tx: Transaction, name: Name, payload: JobPayload<Name>): Promise<void>;
}

/**
 * The queue in the database of the transaction. How often a job is tried, and what becomes of it then, stands with the
 * queue: a process that queues jobs need not know how to handle them.
 * @param onQueued Told of each job; its transaction may still be rolled back.
 */
export function createJobQueue(onQueued?: (name: JobName) => void): JobQueue {
  // Never started: it writes the statements, and they run in the caller's transaction.
  const boss = new PgBoss({});
  return {
    async enqueue(tx, name, payload) {
      const data = jobPayloads[name].parse(payload);
      const id = await boss.send(name, data, { db: queueIn(tx) });
      if (id === null) throw missingQueue(name);
      onQueued?.(name);
    },
  };
}

/** Lets pg-boss work in a transaction of ours. */
export function queueIn(tx: Transaction): PgBoss.Db {
  return {
    async executeSql(text, values) {
      const result: unknown = await tx.execute(withValues(text, values));
      return resultSchema.parse(result);
    },
  };
}

/** The answer when a database lacks the queue of a job. */
export function missingQueue(name: string): AppError {
  return new AppError('unavailable', `The database has no queue ${name}: run "parley db migrate"`);
}

const resultSchema = z.object({ rows: z.array(z.unknown()) });

/** A statement with `$1`, `$2`, ... and its values, as Drizzle takes it; a value is sent as often as it occurs. */
function withValues(text: string, values: readonly unknown[]): SQL {
  const pieces = text.split(/\$(\d+)/);
  // Every second piece is the number of a value; pg-boss leaves out what is not set.
  const parts = pieces.map((piece, index) =>
    index % 2 ? sql`${sql.param(values[Number(piece) - 1] ?? null)}` : sql.raw(piece),
  );
  return sql.join(parts);
}
