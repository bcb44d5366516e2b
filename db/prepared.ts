import { type SQL, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { Transaction } from './client.ts';

/** What stands in a query for the values of a call. They go to the driver as they are: JSON as text. */
type Slots<Values> = { [Name in keyof Values]: SQL<Values[Name]> };

/** A query of Drizzle: awaited it runs, `prepare` compiles it. */
interface Query<Rows> extends PromiseLike<Rows> {
  prepare(name: string): { execute(values: Record<string, unknown>): Promise<Rows> };
}

/** A connection of node-postgres, of a pool or by itself. */
export type Connection = pg.PoolClient | pg.Client;

const clients = new WeakMap<Transaction, Connection>();
/** The connection of the query that is being started; node-postgres takes it over before anything else can run. */
let starting: Connection | undefined;

/** Drizzle compiles queries against this, and each run brings its own connection. */
const compiling = drizzle({
  client: {
    query: (...query: Parameters<Connection['query']>) => (starting as Connection).query(...query),
  } as Connection,
});

/** Tells which connection a transaction has, for the queries that are compiled once. */
export function bindConnection(tx: Transaction, client: Connection): void {
  clients.set(tx, client);
}

/**
 * A query that is compiled to SQL once a process and not once a call, which for a short one is a fifth of its time. It is for
 * what every call and every screen asks; elsewhere the plain builder is simpler.
 * @param build The query, with slots in place of values: `(tx, { userId }) => tx.select().from(users).where(eq(users.id, userId))`.
 * @returns how to run it in a transaction.
 */
export function prepared<Values extends Record<string, unknown>, Rows>(
  build: (tx: Transaction, slots: Slots<Values>) => Query<Rows>,
): (tx: Transaction, values: Values) => Promise<Rows> {
  let compiled: ReturnType<Query<Rows>['prepare']> | undefined;
  return async (tx, values) => {
    // Without a name: the connection gives one to every statement.
    compiled ??= build(compiling, slotsOf(values)).prepare('');
    starting = clients.get(tx);
    try {
      return compiled.execute(values);
    } finally {
      starting = undefined;
    }
  };
}

function slotsOf<Values extends Record<string, unknown>>(values: Values): Slots<Values> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, sql`${sql.placeholder(name)}`])) as Slots<Values>;
}
