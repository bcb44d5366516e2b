import type { Mail, Mailer } from '../../domain/mail.ts';

/**
 * Prints mail instead of sending it, for one machine where nobody else reads standard output. It is the one place that shows
 * what a message says and to whom, so a production process has it only where a setting asks for it by name.
 */
export class LogMailer implements Mailer {
  readonly #print: (text: string) => void;

  constructor(print: (text: string) => void = (text) => process.stdout.write(text)) {
    this.#print = print;
  }

  async send(_id: string, { to, subject, text }: Mail): Promise<void> {
    this.#print(`--- mail to ${to}: ${subject}\n${text}\n---\n`);
  }
}
