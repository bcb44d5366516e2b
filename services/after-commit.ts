import type { Database, Scope, Transaction } from '../db/client.ts';

const effects = new WeakMap<Transaction, (() => void)[]>();

/**
 * Has `effect` run once the transaction is committed, and never when it is not.
 * @param tx of `withActor` or `withService`
 * @param effect doesn't throw
 */
export function afterCommit(tx: Transaction, effect: () => void): void {
  (effects.get(tx) as (() => void)[]).push(effect);
}

/** Runs a transaction, and then the effects it has left. */
export async function committed<T>(
  database: Pick<Database, 'transaction'>,
  scope: Scope,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const pending: (() => void)[] = [];
  const result = await database.transaction(scope, (tx) => {
    effects.set(tx, pending);
    return work(tx);
  });
  for (const effect of pending) effect();
  return result;
}
