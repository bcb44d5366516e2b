import { DrizzleQueryError, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { errorCodeOf } from '../db/errors.ts';
import { runTransaction } from '../db/transaction.ts';
import type { Context } from './context.ts';

/**
 * Runs `work` in a transaction that knows whose it is: `app.user_id` holds the actor's user for its length, or '' for an
 * actor without one. Every query of every verb runs in here.
 * @throws AppError `unavailable` when the database is away, `invalid_input` for text it can't store, `internal` for any
 * other failed query. Drizzle's own errors hold SQL and parameters, so they end here.
 */
export async function withActor<T>(
  { db, actor }: Pick<Context, 'db' | 'actor'>,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const userId = 'userId' in actor ? actor.userId : '';
  try {
    return await runTransaction(db, async (tx) => {
      await tx.execute(sql`select set_config('app.user_id', ${userId}, true)`);
      return work(tx);
    });
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = errorCodeOf(error);
  if (code && isOutage(code)) return new AppError('unavailable', 'The database is not available: try again');
  if (code && unstorableText.has(code)) {
    return new AppError(
      'invalid_input',
      'The input holds a character that no text may hold (NUL or half a surrogate pair)',
    );
  }
  return error instanceof DrizzleQueryError ? new AppError('internal', `A query failed (${code})`) : error;
}

/** SQLSTATE of character_not_in_repertoire, untranslatable_character and, for `\ud800` in JSON, invalid_text_representation. */
const unstorableText: ReadonlySet<string> = new Set(['22021', '22P05', '22P02']);

// postgres.js names its own CONNECTION_* and CONNECT_TIMEOUT, the system E*; SQLSTATE classes 08 and 53 are lost
// connections and spent resources, 57P the operator's intervention (shutting down, starting up).
function isOutage(code: string): boolean {
  return /^(CONNECT(ION)?_|ECONN|EHOST|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|08|53|57P)/.test(code);
}
