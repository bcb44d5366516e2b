import { type APIError, APITimeoutError } from '@livekit/agents';

/** What a server's silence is judged by, and what becomes of it. */
export interface SilenceHost {
  /** Whether the server can be heard and owes a reply, or the rest of one. */
  isExpected(): boolean;
  isGenerating(): boolean;
  /** Another connection may answer. */
  fail(error: APIError): void;
  /** No connection answers. */
  giveUp(reason: string): void;
}

/** While the server owes something its silence is a failure: of the connection first, and then of the model. */
export class SilenceWatch {
  readonly #timeoutMs: number;
  readonly #host: SilenceHost;
  #timer: NodeJS.Timeout | undefined;
  /** How often in a row the server fell silent. */
  #silences = 0;

  constructor(timeoutMs: number, host: SilenceHost) {
    this.#timeoutMs = timeoutMs;
    this.#host = host;
  }

  /** Something was said, by either side: the silence begins anew. */
  wait(): void {
    this.stop();
    if (this.#host.isExpected()) this.#timer = setTimeout(() => this.#fallenSilent(), this.#timeoutMs);
  }

  /** The server answers after all, or what it owed was given up. */
  forget(): void {
    this.#silences = 0;
  }

  /** Ends the watch until the next `wait`. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #fallenSilent(): void {
    this.#silences += 1;
    if (this.#silences > 1 && !this.#host.isGenerating()) this.#host.giveUp('Gemini did not answer');
    else this.#host.fail(new APITimeoutError({ message: 'Gemini fell silent while it owed a reply' }));
  }
}
