import { APIConnectionError, APIError, APIStatusError, APITimeoutError, type voice } from '@livekit/agents';

/** How a voice that is asked for one piece of text at a time is reached. */
export interface PieceSource {
  /**
   * Speaks one piece; resolves when its audio is complete. Ends at once when the signal is aborted, however: what it
   * then gives or throws goes nowhere.
   * @throws APIError, `retryable` as the vendor's answer says: whether audio was heard by then is not its business.
   */
  speak(text: string, options: PieceOptions): Promise<void>;
}

/** What goes with a piece. */
export interface PieceOptions {
  signal: AbortSignal;
  /**
   * Longest silence accepted from the vendor. The caller watches it and aborts the signal; it is for clients that want a
   * limit of their own.
   */
  timeoutMs: number;
  /** Takes audio as it comes: mono 16-bit little-endian PCM at the voice's rate, in chunks of any length. */
  onAudio(pcm: Uint8Array): void;
  /** Takes words that were spoken, where the vendor tells: times in seconds of the piece's audio. */
  onWords(words: readonly voice.TimedString[]): void;
}

/** Who hears a piece. */
export interface PieceListener {
  onAudio(pcm: Uint8Array): void;
  onWords(words: readonly voice.TimedString[]): void;
}

type Part = { pcm: Uint8Array } | { words: readonly voice.TimedString[] };

/** A piece was given up by whoever wanted it. */
export class PieceCancelled extends Error {}

/** One request for a piece. It may run ahead of its turn: what comes is kept until there is a listener. */
export class PieceJob {
  readonly text: string;
  /** Resolves with its first audio; never, if there is none. */
  readonly begun: Promise<void>;
  readonly #abort = new AbortController();
  readonly #kept: Part[] = [];
  readonly #outcome: Promise<void>;
  #failed = false;
  #isEmpty = true;
  #begin: () => void = () => {};
  #listener: PieceListener | undefined;

  constructor(source: PieceSource, text: string, timeoutMs: number) {
    this.text = text;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.#outcome = this.#run(source, timeoutMs);
    this.#outcome.catch(() => {
      this.#failed = true;
    });
  }

  /**
   * Gives what was kept and what still comes, to the end. Nothing is given of a piece that failed before its turn.
   * @throws APIError of the source; `PieceCancelled` after `cancel()`.
   */
  async hear(listener: PieceListener): Promise<void> {
    if (!this.#failed) {
      this.#listener = listener;
      for (const part of this.#kept.splice(0)) give(part, listener);
    }
    await this.#outcome;
  }

  /** Gives up; nothing is given afterwards. */
  cancel(): void {
    this.#listener = undefined;
    this.#abort.abort();
  }

  /** Resolves once the request is over, however it went. */
  async settled(): Promise<void> {
    await this.#outcome.catch(() => {});
  }

  async #run(source: PieceSource, timeoutMs: number): Promise<void> {
    const { signal } = this.#abort;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#abort.abort();
    }, timeoutMs);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new PieceCancelled()), { once: true });
    });
    try {
      const speaking = source.speak(this.text, {
        signal,
        timeoutMs,
        onAudio: (pcm) => {
          timer.refresh();
          if (pcm.byteLength === 0) return;
          this.#isEmpty = false;
          this.#take({ pcm });
          this.#begin();
        },
        onWords: (words) => this.#take({ words }),
      });
      // A source that doesn't end at once when told to doesn't hold anybody up.
      await Promise.race([speaking, aborted]);
    } catch (error) {
      if (timedOut) throw new APITimeoutError({ message: `The voice sent no audio for ${timeoutMs} ms` });
      throw signal.aborted ? new PieceCancelled() : error;
    } finally {
      clearTimeout(timer);
    }
    if (this.#isEmpty) throw new APIError('The voice answered a text without audio');
  }

  #take(part: Part): void {
    if (this.#abort.signal.aborted) return;
    if (this.#listener) give(part, this.#listener);
    else this.#kept.push(part);
  }
}

function give(part: Part, listener: PieceListener): void {
  if ('pcm' in part) listener.onAudio(part.pcm);
  else listener.onWords(part.words);
}

/** The same error, not to be retried. */
export function asFinal(error: APIError): APIError {
  const { message, body } = error;
  if (error instanceof APIStatusError) {
    const { statusCode, requestId } = error;
    return new APIStatusError({ message, options: { statusCode, requestId, body, retryable: false } });
  }
  if (error instanceof APITimeoutError) return new APITimeoutError({ message, options: { retryable: false } });
  if (error instanceof APIConnectionError) return new APIConnectionError({ message, options: { retryable: false } });
  return new APIError(message, { body, retryable: false });
}
