import type { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import type { EmbeddedDatabase } from './client.ts';
import { answering } from './ping.ts';
import { roleNames, settingsOf } from './scope.ts';

/**
 * A database on PGlite. Its one session is a superuser's: the role is taken on for each transaction, and what runs outside
 * of one is not held back. That is enough for one machine and its owner.
 */
export function pgliteDatabase(client: PGlite, afterClose: () => Promise<void>): EmbeddedDatabase {
  const db = drizzle(client);
  return {
    kind: 'pglite',
    client,
    transaction: (scope, work) =>
      db.transaction(async (tx) => {
        const { tenantId, userId, sessionId } = settingsOf(scope);
        await tx.execute(
          sql`select set_config('role', ${roleNames[scope.role]}, true), set_config('app.tenant_id', ${tenantId}, true),
            set_config('app.user_id', ${userId}, true), set_config('app.session_id', ${sessionId}, true)`,
        );
        return work(tx);
      }),
    ping: () => answering(client.query('select 1')),
    async close() {
      await client.close();
      await afterClose();
    },
  };
}
