import { connect, type Socket } from 'node:net';

/** What the load did. */
export interface LoadFigures {
  requests: number;
  perSecond: number;
}

/** A request to a server on loopback that speaks JSON. */
export interface LoadRequest {
  method: string;
  port: number;
  path: string;
  token: string;
  /** Absent: none is sent. */
  body?: string;
}

/** The bytes of a request. */
export function requestBytes({ method, port, path, token, body }: LoadRequest): Buffer {
  const content =
    body === undefined ? [] : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`];
  const head = [`${method} ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`, `authorization: Bearer ${token}`, ...content];
  return Buffer.from([...head, '', body ?? ''].join('\r\n'));
}

/**
 * A connection that is kept, for one request after another. It writes ready bytes to a socket and looks for no more in an
 * answer than its end: a client that costs more than the server would measure itself.
 */
export class LoadConnection {
  readonly #socket: Socket;
  #answeredAtMs = performance.now();
  #received = '';
  #asked: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setEncoding('latin1').setNoDelay(true);
    this.#socket.on('error', (error) => this.#asked?.reject(error));
    this.#socket.on('close', () => this.#asked?.reject(new Error('the server closed the connection')));
    this.#socket.on('data', (piece: string) => {
      this.#received += piece;
      if (!isWhole(this.#received)) return;
      const answer = this.#received;
      this.#received = '';
      this.#answeredAtMs = performance.now();
      this.#asked?.resolve(answer);
    });
  }

  /** Whether it may be asked once more: Node's servers close what is idle for 5 s. */
  get isFresh(): boolean {
    return performance.now() - this.#answeredAtMs < 4_000;
  }

  /** @returns the whole answer, a character a byte. @throws Error when another status than `status` comes, or none. */
  async ask(request: Buffer, status: number): Promise<string> {
    const answer = await new Promise<string>((resolve, reject) => {
      this.#asked = { resolve, reject };
      // The socket of a server that is gone emits nothing more: only the write tells.
      this.#socket.write(request, (error) => error && reject(error));
    });
    if (!answer.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`the server answered ${answer.slice(0, 200)}`);
    return answer;
  }

  /** Closes it at once. */
  end(): void {
    this.#socket.destroy();
  }
}

/**
 * Sends one request again and again over so many connections for a while, each as soon as its answer is there.
 * @throws Error at the first answer with another status.
 */
export async function loadFor(
  { connections, seconds }: { connections: number; seconds: number },
  request: LoadRequest,
  status: number,
): Promise<LoadFigures> {
  const bytes = requestBytes(request);
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + seconds * 1_000;
  const repeat = async () => {
    const connection = new LoadConnection(request.port);
    let answered = 0;
    while (performance.now() < endsAtMs) {
      await connection.ask(bytes, status);
      answered += 1;
    }
    connection.end();
    return answered;
  };
  const counts = await Promise.all(Array.from({ length: connections }, repeat));
  const requests = counts.reduce((sum, count) => sum + count, 0);
  return { requests, perSecond: Math.round((requests * 1_000) / (performance.now() - startedAtMs)) };
}

/** Whether a whole answer is there: its head says how long its body is. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1];
  if (length !== undefined) return received.length >= headEnd + 4 + Number(length);
  return received.endsWith('\r\n0\r\n\r\n');
}
