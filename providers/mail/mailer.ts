import type { MailConfig } from '../../core/config/mail.ts';
import { AppError } from '../../core/errors.ts';
import type { Mailer } from '../../domain/mail.ts';
import { LogMailer } from './log.ts';
import { SmtpMailer } from './smtp.ts';

/** The mailer that is configured, with how to give it back. Where there is none, mail is refused and stays queued. */
export function createMailer(config: MailConfig): { mailer: Mailer; close(): void } {
  if (config === 'log') return { mailer: new LogMailer(), close: () => undefined };
  if (config) {
    const mailer = new SmtpMailer(config);
    return { mailer, close: () => mailer.close() };
  }
  return { mailer: noMailer, close: () => undefined };
}

const noMailer: Mailer = {
  async send() {
    throw new AppError('unavailable', 'There is no mail server: set SMTP_URL and MAIL_FROM');
  },
};
