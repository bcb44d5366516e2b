import { createTransport } from 'nodemailer';
import { AppError, reasonOf } from '../../core/errors.ts';
import type { Mail, Mailer } from '../../domain/mail.ts';

const connectTimeoutMs = 10_000;
const answerTimeoutMs = 30_000;

/** A mail server and whom mail comes from. */
export interface SmtpOptions {
  /** `smtp://user:password@host:port`, with STARTTLS where the server offers it, or `smtps://` for TLS from the first byte. */
  url: string;
  /** As `Parley <no-reply@example.org>`. */
  from: string;
}

/** Sends mail by SMTP (RFC 5321), over connections that are kept for the next message. */
export class SmtpMailer implements Mailer {
  readonly #transport;
  readonly #from: string;
  readonly #domain: string;

  constructor({ url, from }: SmtpOptions) {
    this.#transport = createTransport({
      url,
      pool: true,
      connectionTimeout: connectTimeoutMs,
      socketTimeout: answerTimeoutMs,
    });
    this.#from = from;
    this.#domain = /@([^\s>]+)/.exec(from)?.[1] ?? 'localhost';
  }

  /** The id becomes the Message-ID (RFC 5322, section 3.6.4), by which receivers fold a message that came twice. */
  async send(id: string, { to, subject, text }: Mail): Promise<void> {
    try {
      await this.#transport.sendMail({
        from: this.#from,
        to: { name: '', address: to },
        subject,
        text,
        messageId: `<${id}@${this.#domain}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** Whether the server can be reached and lets us in. @throws AppError as `send`. */
  async verify(): Promise<void> {
    try {
      await this.#transport.verify();
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** Ends the connections that are kept. */
  close(): void {
    this.#transport.close();
  }
}

// The server's own words may hold the address: its code alone goes on. 5yz is for good (RFC 5321, section 4.2.1).
function refusalOf(error: unknown): AppError {
  const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : null;
  const isFinal = code !== null && code >= 500;
  const message = `The mail server did not take a message (${code ?? reasonOf(error)})`;
  return new AppError(isFinal ? 'conflict' : 'unavailable', message, { cause: error });
}
