import { DrizzleQueryError } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Database, Scope, Transaction } from '../db/client.ts';
import { errorCodeOf } from '../db/errors.ts';
import { allTenants } from '../db/policies.ts';
import type { Actor } from '../domain/actor.ts';
import { committed } from './after-commit.ts';

interface DataContext {
  database: Pick<Database, 'transaction'>;
  actor: Actor;
}

/**
 * Runs `work` in a transaction of the actor: row-level security shows it the rows of that user (an agent: of that session),
 * or, to a server and the service, those of their tenant. Every query of every verb runs in here or in `withService`.
 * @throws AppError `unavailable` when the database is away, `invalid_input` for text it can't store, `internal` for any
 * other failed query. Drizzle's own errors hold SQL and parameters, so they end here.
 */
export function withActor<T>({ database, actor }: DataContext, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return translating(committed(database, scopeOf(actor), work));
}

/**
 * Runs `work` as the service in the actor's tenant: for a verb that has checked what its actor may do and needs rows that
 * no user has a right to. @throws as `withActor`.
 */
export function withService<T>(
  { database }: Pick<DataContext, 'database'>,
  { tenantId }: { tenantId: string },
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return translating(committed(database, { role: 'service', tenantId }, work));
}

function scopeOf(actor: Actor): Scope {
  switch (actor.kind) {
    case 'user':
      return { role: 'user', tenantId: actor.tenantId, userId: actor.userId };
    case 'agent':
      return { role: 'user', tenantId: actor.tenantId, userId: actor.userId, sessionId: actor.sessionId };
    case 'server':
      return { role: 'service', tenantId: actor.tenantId };
    case 'job':
      // Its room's name, which LiveKit signed, is all that is known of it.
      return { role: 'service', tenantId: allTenants };
    case 'system':
      return { role: 'service', tenantId: actor.tenantId ?? allTenants };
  }
}

async function translating<T>(transaction: Promise<T>): Promise<T> {
  try {
    return await transaction;
  } catch (error) {
    throw translated(error);
  }
}

function translated(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = errorCodeOf(error);
  if (isOutage(error, code)) return new AppError('unavailable', 'The database is not available: try again');
  if (code && unstorableText.has(code)) {
    return new AppError(
      'invalid_input',
      'The input holds a character that no text may hold (NUL or half a surrogate pair)',
    );
  }
  if (code === foreignKeyViolation) return new AppError('not_found', 'What this belongs to has been removed');
  const isQuery = error instanceof DrizzleQueryError || (code !== null && /^[0-9A-Z]{5}$/.test(code));
  return isQuery ? new AppError('internal', `A query failed (${code})`) : error;
}

/** SQLSTATE of character_not_in_repertoire, untranslatable_character and, for `\ud800` in JSON, invalid_text_representation. */
const unstorableText: ReadonlySet<string> = new Set(['22021', '22P05', '22P02']);

/** SQLSTATE of a row whose user or session is gone, as when they were erased while a token of theirs still lasts. */
const foreignKeyViolation = '23503';

// The system names its reasons E*; SQLSTATE classes 08 and 53 are lost connections and spent resources, 57P the operator's
// intervention (shutting down, starting up). The drivers have no code for what they find out themselves.
function isOutage(error: unknown, code: string | null): boolean {
  if (code) return /^(ECONN|EHOST|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|08|53|57P)/.test(code);
  const reason = error instanceof DrizzleQueryError ? error.cause : error;
  return reason instanceof Error && driversOutage.test(reason.message);
}

/** How node-postgres, its pool and PGlite say that a connection is lost, could not be had in time, or has been closed. */
const driversOutage =
  /^(Connection terminated|timeout exceeded when trying to connect|Client (was closed|has encountered)|Cannot use a pool after|PGlite is clos)/;
