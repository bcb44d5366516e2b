import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Transaction } from '../db/client.ts';
import type { JobPayload } from '../domain/job.ts';
import { type Mail, type Mailer, mailSchema } from '../domain/mail.ts';
import type { CoreContext } from './context.ts';
import { requirePermission } from './permissions.ts';

/** Where the content of a queued message stands, for its cipher. No table has it: it is in the queue alone. */
const placeOf = (id: string) => `mails.content:${id}`;

/** Queues a message in the transaction of what causes it, which must be the service's. The queue sees ciphertext alone. */
export async function queueMail(
  { cipher, queue }: Pick<CoreContext, 'cipher' | 'queue'>,
  tx: Transaction,
  mail: Mail,
): Promise<void> {
  const id = newId();
  await queue.enqueue(tx, 'send-mail', { id, sealed: cipher.seal(placeOf(id), JSON.stringify(mail)) });
}

/**
 * Opens a queued message and hands it to the mailer. The id goes with it, so that a message which is sent again after a
 * crash can be told for the same one.
 * @throws AppError `invalid_input` for what is no sealed message, and what the mailer throws.
 */
export async function sendMail(
  context: Pick<CoreContext, 'actor' | 'cipher'> & { mailer: Mailer },
  payload: JobPayload<'send-mail'>,
): Promise<void> {
  requirePermission(context.actor, 'mail.send');
  await context.mailer.send(payload.id, openMail(context, payload));
}

/** A queued message. @throws AppError `invalid_input` for what is no sealed one. */
export function openMail({ cipher }: Pick<CoreContext, 'cipher'>, { id, sealed }: JobPayload<'send-mail'>): Mail {
  if (!cipher.isSealed(sealed)) throw new AppError('invalid_input', 'The queued message is not sealed');
  return mailSchema.parse(JSON.parse(cipher.open(placeOf(id), sealed)));
}
