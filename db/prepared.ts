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

const clients = new WeakMap<Transaction, pg.PoolClient>();
/** The connection of the query that is being started; node-postgres takes it over before anything else can run. */
let starting: pg.PoolClient | undefined;

/** Drizzle compiles queries against this, and each run brings its own connection. */
const compiling = drizzle({
  client: {
    query: (...query: Parameters<pg.PoolClient['query']>) => (starting as pg.PoolClient).query(...query),
  } as pg.PoolClient,
});

/** Tells which connection a transaction has, for the queries that are compiled once. */
export function bindConnection(tx: Transaction, client: pg.PoolClient): void {
  clients.set(tx, client);
}

/**
 * A query that is compiled to SQL once a process and not once a call, which for a short one is a fifth of its time. It is for
 * what every call and every screen asks; elsewhere the plain builder is simpler.
 * @param build The query, with slots in place of values: `(tx, { userId }) => tx.select().from(users).where(eq(users.id, userId))`.
 * @returns how to run it in a transaction. On PGlite it is built anew each time.
 */
export function prepared<Values extends Record<string, unknown>, Rows>(
  build: (tx: Transaction, slots: Slots<Values>) => Query<Rows>,
): (tx: Transaction, values: Values) => Promise<Rows> {
  let compiled: ReturnType<Query<Rows>['prepare']> | undefined;
  return async (tx, values) => {
    const client = clients.get(tx);
    if (!client)
      return build(
        tx,
        slotsOf(values, (name) => sql`${sql.param(values[name])}`),
      );
    // Without a name: the connection gives one to every statement.
    compiled ??= build(
      compiling,
      slotsOf(values, (name) => sql`${sql.placeholder(name)}`),
    ).prepare('');
    starting = client;
    try {
      return compiled.execute(values);
    } finally {
      starting = undefined;
    }
  };
}

function slotsOf<Values extends Record<string, unknown>>(values: Values, slot: (name: string) => SQL): Slots<Values> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, slot(name)])) as Slots<Values>;
}
