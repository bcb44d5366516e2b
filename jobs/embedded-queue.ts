import type { PGlite } from '@electric-sql/pglite';
import type PgBoss from 'pg-boss';

/** Lets pg-boss keep its queue in an embedded database. */
export function embeddedQueue(client: PGlite): PgBoss.Db {
  return {
    async executeSql(text, values?: unknown[]) {
      // pg-boss's scheduler can begin a query while the database closes, and nobody would catch its failure.
      if (!client.ready) return new Promise<never>(() => undefined);
      if (values) return client.query(text, values);
      // Several statements with a BEGIN of their own. The outer transaction rolls them back when one fails: the only
      // session would stay in a failed transaction.
      const results = await client.transaction((tx) => tx.exec(text));
      return { rows: results.at(-1)?.rows ?? [] };
    },
  };
}
