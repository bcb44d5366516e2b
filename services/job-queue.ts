import type { Transaction } from '../db/client.ts';
import type { JobName, JobPayload } from '../domain/job.ts';

/** Where verbs leave work for later. */
export interface JobQueue {
  /**
   * Queues a job in the transaction of what causes it, which must be the service's (`withService`): either both are kept
   * or neither. @throws when the queue's tables are missing.
   */
  enqueue<Name extends JobName>(tx: Transaction, name: Name, payload: JobPayload<Name>): Promise<void>;
}
