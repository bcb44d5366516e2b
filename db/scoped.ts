import { createHash } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import { AppError } from '../core/errors.ts';
import type { Scope, Transaction } from './client.ts';
import { bindConnection, type Connection } from './prepared.ts';
import { roleNames, settingsOf } from './scope.ts';

/** Statements a connection keeps planned; more are sent as they are. Verbs have far fewer, unless one builds its text. */
const preparedStatements = 500;

const scopeStatement = {
  name: 'scope',
  text: `select set_config('role', $1, true), set_config('app.tenant_id', $2, true), set_config('app.user_id', $3, true),
    set_config('app.session_id', $4, true)`,
};

/**
 * Does a scope's work in the transaction that the connection is in. The scope and the first query leave together, in one write;
 * should the scope fail, the transaction is aborted and so is what came behind. Beginning and ending it are the caller's.
 */
export async function workScoped<T>(
  client: Connection,
  scope: Scope,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const { tenantId, userId, sessionId } = settingsOf(scope);
  const values = [roleNames[scope.role], tenantId, userId, sessionId];
  gatherWrites(client);
  const taken = client.query({ ...scopeStatement, values });
  taken.catch(() => undefined);
  const queries = queriesOf(client);
  try {
    const tx = drizzle({ client: queries.client });
    bindConnection(tx, queries.client);
    return await work(tx).finally(queries.end);
  } finally {
    // Where the end doesn't come over this connection, a query that nobody waited for would be overtaken by it.
    await queries.answered();
    // When the scope could not be set, that is the reason for what followed.
    await taken;
  }
}

/**
 * Sends what the connection is given from here to the next tick at once (https://nodejs.org/api/stream.html#writablecork): the
 * driver writes each query by itself, and each write wakes the server's process for a part of what it is to do.
 */
export function gatherWrites({ connection: { stream } }: Connection): void {
  if (stream.writableCorked) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** The queries of one transaction. */
interface Queries {
  client: Connection;
  end(): void;
  /** Resolves once all that were sent are answered, well or not. */
  answered(): Promise<unknown>;
}

/**
 * A connection for the queries of one transaction. After `end` it refuses them: what a verb left running must not reach into
 * the next transaction there, which is somebody else's.
 */
function queriesOf(client: Connection): Queries {
  let ended = false;
  // They are answered in the order in which they are sent.
  let last: Promise<unknown> = Promise.resolve();
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    if (ended) throw new AppError('internal', 'A query came after the end of its transaction');
    gatherWrites(client);
    const answer = client.query({ ...config, name: statementName(client, config.text, values), values });
    last = answer;
    return answer;
  };
  return {
    client: new Proxy(client, { get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)) }),
    end: () => {
      ended = true;
    },
    answered: () => last.catch(() => undefined),
  };
}

const statementNames = new WeakMap<Connection, Map<string, string>>();

/**
 * The name of a statement with parameters: PostgreSQL plans a named one once a connection instead of every time, which is
 * half of what a short query costs. Drizzle itself names none.
 */
function statementName(client: Connection, text: string, values: unknown[] = []): string | undefined {
  const names = statementNames.get(client) ?? new Map<string, string>();
  statementNames.set(client, names);
  let name = names.get(text);
  if (name === undefined && values.length && names.size < preparedStatements) {
    name = createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
  }
  return name;
}
