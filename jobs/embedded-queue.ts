import { PGlite } from '@electric-sql/pglite';
import type PgBoss from 'pg-boss';
import { AppError } from '../core/errors.ts';
import type { JobServices } from './definition.ts';

/**
 * Lets pg-boss keep its queue in the embedded database that Drizzle has open.
 * @throws AppError `internal` when that is no embedded database.
 */
export function embeddedQueue(db: JobServices['db']): PgBoss.Db {
  const client = '$client' in db ? db.$client : undefined;
  if (!(client instanceof PGlite))
    throw new AppError('internal', 'A queue on PostgreSQL needs the address of its server');
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
