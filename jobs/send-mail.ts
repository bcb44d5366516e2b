import { jobPayloads } from '../domain/job.ts';
import { sendMail } from '../services/mail.ts';
import { defineJob } from './definition.ts';

/**
 * Hands a message to the mail server. A process that dies after the server has taken it can't know that, so it is sent again:
 * its Message-ID is the same, by which receivers fold the two.
 */
export const sendMailJob = defineJob({
  payload: jobPayloads['send-mail'],
  // About as long as a sign-in link is good for.
  retries: { limit: 7, delaySeconds: 4 },
  handle: sendMail,
});
