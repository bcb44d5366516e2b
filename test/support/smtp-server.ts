import { createServer, type Server, type Socket } from 'node:net';

/** A message as it arrived: the envelope, and everything after DATA. */
export interface ReceivedMail {
  from: string;
  to: string[];
  data: string;
}

/** A mail server on loopback that speaks SMTP (RFC 5321) as far as a client needs it. */
export interface SmtpServer {
  url: string;
  received: ReceivedMail[];
  /** Answers to the next commands of a name, in place of the usual one; `hang up` cuts the connection off. */
  answers: Map<string, string>;
  close(): Promise<void>;
}

/** Starts one on any free port. */
export async function startSmtpServer(): Promise<SmtpServer> {
  const received: ReceivedMail[] = [];
  const answers = new Map<string, string>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The client may hang up in mid-sentence.
    socket.on('error', () => undefined);
    serve(socket, received, answers);
  });
  const port = await listen(server);
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    answers,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function serve(socket: Socket, received: ReceivedMail[], answers: Map<string, string>): void {
  let mail: ReceivedMail = { from: '', to: [], data: '' };
  let isData = false;
  let unread = '';
  const say = (text: string) => socket.write(`${text}\r\n`);

  const command = (line: string) => {
    const name = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
    const answer = answers.get(name);
    if (answer === 'hang up') return socket.destroy();
    if (answer) return say(answer);
    if (name === 'EHLO') return say('250-127.0.0.1\r\n250 8BITMIME');
    if (name === 'MAIL') mail = { from: addressIn(line), to: [], data: '' };
    if (name === 'RCPT') mail.to.push(addressIn(line));
    if (name === 'DATA') {
      isData = true;
      return say('354 go on');
    }
    if (name === 'QUIT') return socket.end('221 bye\r\n');
    return say('250 ok');
  };

  socket.setEncoding('utf8').on('data', (chunk: string) => {
    unread += chunk;
    for (let end = unread.indexOf('\r\n'); end >= 0; end = unread.indexOf('\r\n')) {
      const line = unread.slice(0, end);
      unread = unread.slice(end + 2);
      if (!isData) command(line);
      else if (line !== '.') mail.data += `${line}\n`;
      else {
        isData = false;
        received.push(mail);
        say('250 taken');
      }
    }
  });
  say('220 127.0.0.1 ESMTP');
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}
