import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

/**
 * What a server says to a client it lets in: AuthenticationOk, ReadyForQuery
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html).
 */
const welcome = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1');

/**
 * PGlite as the socket of node-postgres: what is written goes to its one session in PostgreSQL's protocol, as it is. Whoever
 * writes holds PGlite's own lock, so that nobody else's queries come between.
 */
export class PgliteStream extends Duplex {
  readonly #database: PGlite;
  #isWelcome = false;

  constructor(database: PGlite) {
    super();
    this.#database = database;
  }

  /** As `net.Socket` has it; there is nothing to reach. */
  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }

  /** As `net.Socket` has it. */
  setNoDelay(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(message: Buffer, done: (error?: Error) => void): void {
    try {
      this.push(this.#answerTo(message));
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  /** The first message says who the client would be: PGlite's session is there already, and nobody has to be let in. */
  #answerTo(message: Buffer): Uint8Array {
    if (this.#isWelcome) return this.#database.execProtocolRawSync(message);
    this.#isWelcome = true;
    return welcome;
  }
}
