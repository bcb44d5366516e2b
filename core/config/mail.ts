import { z } from 'zod';
import { text, url } from './environment.ts';

/** Variables that say how mail leaves. */
export const mailVariables = {
  SMTP_URL: url('smtp', 'smtps').optional(),
  MAIL_FROM: text.regex(/^[^@<>]*<?[^@<>\s]+@[^@<>\s]+>?$/, 'needs an address, or a name and <address>').optional(),
  MAIL_TO_LOG: z.enum(['true', 'false'], { error: 'needs true or false' }).default('false'),
};

/** How mail leaves: by SMTP, printed on this machine, or, where neither is set, not at all. */
export type MailConfig = { url: string; from: string } | 'log' | null;

/** The settings of those variables. */
export function mailOf(e: { SMTP_URL?: string; MAIL_FROM?: string; MAIL_TO_LOG: 'true' | 'false' }): MailConfig {
  if (e.SMTP_URL && e.MAIL_FROM) return { url: e.SMTP_URL, from: e.MAIL_FROM };
  return e.MAIL_TO_LOG === 'true' ? 'log' : null;
}

/** Names the variable that the other one makes necessary. */
export function requireCompleteMail(
  { SMTP_URL, MAIL_FROM }: { SMTP_URL?: string; MAIL_FROM?: string },
  context: z.core.$RefinementCtx,
): void {
  if (SMTP_URL && !MAIL_FROM) {
    context.addIssue({ code: 'custom', path: ['MAIL_FROM'], message: 'is not set, but SMTP_URL is' });
  }
}
