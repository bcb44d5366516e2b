import { connect } from 'node:net';

/** What the load did. */
export interface LoadFigures {
  requests: number;
  perSecond: number;
}

/**
 * Sends one request again and again over so many connections for a while, each as soon as its answer is there. It writes ready
 * bytes to sockets: a client that costs more than the server would measure itself.
 * @throws Error at the first answer with another status.
 */
export async function loadFor(
  { port, connections, seconds }: { port: number; connections: number; seconds: number },
  { path, token, body, status }: { path: string; token: string; body: string; status: number },
): Promise<LoadFigures> {
  const request = Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `host: 127.0.0.1:${port}`,
      `authorization: Bearer ${token}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + seconds * 1_000;
  const counts = await Promise.all(
    Array.from({ length: connections }, () => repeat({ port, request, expected: `HTTP/1.1 ${status}`, endsAtMs })),
  );
  const requests = counts.reduce((sum, count) => sum + count, 0);
  return { requests, perSecond: Math.round((requests * 1_000) / (performance.now() - startedAtMs)) };
}

/** One connection's share. @returns how many requests were answered. */
function repeat(options: { port: number; request: Buffer; expected: string; endsAtMs: number }): Promise<number> {
  const { port, request, expected, endsAtMs } = options;
  return new Promise((resolve, reject) => {
    let answered = 0;
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('error', reject);
    socket.on('data', (piece: string) => {
      received += piece;
      if (!isWhole(received)) return;
      if (!received.startsWith(expected)) return reject(new Error(`the server answered ${received.slice(0, 200)}`));
      received = '';
      answered += 1;
      if (performance.now() < endsAtMs) return socket.write(request);
      socket.destroy();
      resolve(answered);
    });
  });
}

/** Whether a whole answer is there: its head says how long its body is. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1];
  if (length !== undefined) return received.length >= headEnd + 4 + Number(length);
  return received.endsWith('\r\n0\r\n\r\n');
}
