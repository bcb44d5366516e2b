import type { DrizzleDatabase, Transaction } from './client.ts';
import { errorCodeOf } from './errors.ts';

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. `work` awaits queries only, so
 * that the transaction is short and its connection can't close unnoticed between two of them.
 */
export function runTransaction<T>(db: DrizzleDatabase, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    try {
      return await work(tx);
    } catch (error) {
      // On a closed connection postgres.js 3.4.9 rejects the transaction by itself; its rollback would write to a socket
      // that is gone and end the process (porsager/postgres#1208). So the rollback must never begin.
      if (errorCodeOf(error) === 'CONNECTION_CLOSED') await new Promise<never>(() => undefined);
      throw error;
    }
  });
}
