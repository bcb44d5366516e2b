import { setTimeout as sleep } from 'node:timers/promises';
import { createFieldCipher } from '../../core/crypto/field-cipher.ts';
import { openDatabase } from '../../db/client.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { createJobQueue } from '../../services/job-queue.ts';
import { queueMail } from '../../services/mail.ts';
import { withService } from '../../services/with-actor.ts';
import { encryptionKeys } from '../db/world.ts';

/**
 * A program that queues a message and waits to be killed: once the transaction is committed, or with `BEFORE_COMMIT` in the
 * middle of it.
 */
const { DATABASE_SERVICE_URL: serviceUrl = '', BEFORE_COMMIT: before } = process.env;
const database = await openDatabase({ serviceUrl, poolSize: 1 });
const services = { database, cipher: createFieldCipher(encryptionKeys), queue: createJobQueue() };
const waiting = async () => {
  process.stdout.write('queued\n');
  await sleep(600_000);
};
await withService(services, { tenantId: defaultTenant.id }, async (tx) => {
  await queueMail(services, tx, { to: 'ann@example.test', subject: 'Hello', text: 'A message.' });
  if (before) await waiting();
});
await waiting();
