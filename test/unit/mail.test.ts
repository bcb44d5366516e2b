import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadJobsConfig } from '../../core/config/jobs.ts';
import { newId } from '../../core/ids.ts';
import { LogMailer } from '../../providers/mail/log.ts';
import { createMailer } from '../../providers/mail/mailer.ts';
import { SmtpMailer } from '../../providers/mail/smtp.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';

const mail = {
  to: 'ada@example.test',
  subject: 'Your sign-in link',
  text: 'Open this:\n\nhttps://app.example.test/#x\n',
};
const from = 'Parley <no-reply@parley.example.test>';

describe('mail by SMTP', () => {
  let server: SmtpServer;
  let mailer: SmtpMailer;
  beforeEach(async () => {
    server = await startSmtpServer();
    mailer = new SmtpMailer({ url: server.url, from });
  });
  afterEach(async () => {
    mailer.close();
    await server.close();
  });

  it('arrives with its id as Message-ID, the same one each time it is sent', async () => {
    const id = newId();
    await mailer.send(id, mail);
    await mailer.send(id, mail);
    expect(server.received).toHaveLength(2);
    for (const received of server.received) {
      expect(received).toMatchObject({ from: 'no-reply@parley.example.test', to: ['ada@example.test'] });
      expect(received.data).toContain(`Message-ID: <${id}@parley.example.test>`);
      expect(received.data).toContain('Subject: Your sign-in link');
      expect(received.data).toContain('From: Parley <no-reply@parley.example.test>');
      expect(received.data).toContain('Auto-Submitted: auto-generated');
      expect(received.data).toContain('https://app.example.test/#x');
    }
  });

  it('has a domain in its Message-ID whatever it comes from', async () => {
    mailer.close();
    mailer = new SmtpMailer({ url: server.url, from: 'postmaster' });
    await mailer.send('an-id', mail);
    expect(server.received[0]?.data).toContain('Message-ID: <an-id@localhost>');
  });

  it('keeps its connection for the next message', async () => {
    await mailer.send(newId(), mail);
    server.answers.set('EHLO', '554 a second connection');
    await mailer.send(newId(), mail);
    expect(server.received).toHaveLength(2);
  });

  it('goes to nobody else, whatever an address or subject holds', async () => {
    await mailer.send(newId(), { ...mail, subject: 'Hello\r\nBcc: eve@example.test' });
    expect(server.received[0]?.to).toEqual(['ada@example.test']);
    expect(server.received[0]?.data).not.toMatch(/^Bcc:/m);
  });

  it.each([
    ['RCPT', '550 no such mailbox <ada@example.test>', 'conflict'],
    ['MAIL', '451 try again later', 'unavailable'],
    ['DATA', '552 too much mail', 'conflict'],
  ])('that is refused at %s with "%s" is a %s without the address', async (command, answer, code) => {
    server.answers.set(command, answer);
    const refused = expect(mailer.send(newId(), mail)).rejects;
    await refused.toMatchObject({ code, message: `The mail server did not take a message (${answer.slice(0, 3)})` });
    expect(server.received).toEqual([]);
  });

  it('waits for a server that is away or hangs up', async () => {
    server.answers.set('DATA', 'hang up');
    await expect(mailer.send(newId(), mail)).rejects.toMatchObject({ code: 'unavailable' });
    await server.close();
    await expect(mailer.send(newId(), mail)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^The mail server did not take a message \(E[A-Z]+\)$/),
    });
  });

  it('can be tried without sending any', async () => {
    await mailer.verify();
    expect(server.received).toEqual([]);
    server.answers.set('EHLO', '554 not you');
    server.answers.set('HELO', '554 not you');
    await expect(mailer.verify()).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('mail that is printed', () => {
  it('shows all that was written', async () => {
    const lines: string[] = [];
    await new LogMailer((text) => lines.push(text)).send(newId(), mail);
    expect(lines).toEqual([`--- mail to ada@example.test: Your sign-in link\n${mail.text}\n---\n`]);
  });
});

describe('the mailer that is configured', () => {
  const env = {
    LIVEKIT_URL: 'ws://127.0.0.1:7880',
    LIVEKIT_API_KEY: 'key',
    LIVEKIT_API_SECRET: 'x'.repeat(32),
    DATABASE_SERVICE_URL: 'postgres://service@127.0.0.1/parley',
    ENCRYPTION_KEY: 'ab'.repeat(32),
  };
  const mailerOf = (more: object) => createMailer(loadJobsConfig({ ...env, ...more }).mail);

  it('is SMTP where there is a server', () => {
    const { mailer, close } = mailerOf({ SMTP_URL: 'smtp://127.0.0.1:1', MAIL_FROM: from, MAIL_TO_LOG: 'true' });
    expect(mailer).toBeInstanceOf(SmtpMailer);
    close();
  });

  it('prints to standard output where that is asked for by name', async () => {
    const { mailer, close } = mailerOf({ MAIL_TO_LOG: 'true' });
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await mailer.send(newId(), mail);
    expect(write).toHaveBeenCalledWith(expect.stringContaining(mail.text));
    write.mockRestore();
    close();
  });

  it('otherwise refuses, and says what to set', async () => {
    const { mailer, close } = mailerOf({});
    await expect(mailer.send(newId(), mail)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('set SMTP_URL and MAIL_FROM'),
    });
    close();
  });

  it('needs a sender, and settings that mean something', () => {
    expect(() => mailerOf({ SMTP_URL: 'smtp://127.0.0.1:1' })).toThrow('MAIL_FROM: is not set');
    expect(() => mailerOf({ SMTP_URL: 'http://127.0.0.1:1', MAIL_FROM: from })).toThrow('SMTP_URL: ');
    expect(() => mailerOf({ MAIL_FROM: 'Parley' })).toThrow('MAIL_FROM: needs an address');
    expect(() => mailerOf({ MAIL_TO_LOG: 'yes' })).toThrow('MAIL_TO_LOG: needs true or false');
  });
});
