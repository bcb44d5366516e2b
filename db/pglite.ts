import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { EmbeddedDatabase } from './client.ts';
import { PgliteStream } from './pglite-stream.ts';
import { answering } from './ping.ts';
import { workScoped } from './scoped.ts';

/**
 * A database on PGlite. Its one session is a superuser's: the role is taken on for each transaction, and what runs outside
 * of one is not held back. That is enough for one machine and its owner.
 */
export async function pgliteDatabase(database: PGlite, afterClose: () => Promise<void>): Promise<EmbeddedDatabase> {
  // PGlite's own client sends a query in six messages, each as dear as a short query, and has it planned every time.
  const connection = new pg.Client({ stream: () => new PgliteStream(database), ...{ pipeline: true } });
  // Unheard, an error of the connection would end the process; the query under way fails by itself.
  connection.on('error', () => undefined);
  await connection.connect();
  return {
    kind: 'pglite',
    client: database,
    transaction: (scope, work) =>
      database.transaction(async () => {
        // Queries run without the event loop, one transaction straight after another: requests that came in the meantime would
        // be read after all of them, and wait twice as long as those before.
        await nextTurn();
        return workScoped(connection, scope, work);
      }),
    ping: () => answering(database.query('select 1')),
    async close() {
      await database.close();
      await afterClose();
    },
  };
}
