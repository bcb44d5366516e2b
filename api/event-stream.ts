/** Proxies close connections on which nothing comes. */
const keepAliveMs = 15_000;

/**
 * Events for one client, as they happen (https://html.spec.whatwg.org/multipage/server-sent-events.html), with a comment now
 * and then while there are none.
 */
export class EventStream {
  /** Body of the answer. */
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves with the first event. */
  readonly begun: Promise<void>;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #encoder = new TextEncoder();
  #begin: () => void = () => undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  /** @param onGone Called when the client doesn't read any more. */
  constructor(onGone: () => void) {
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
        clearInterval(this.#keepAlive);
        onGone();
      },
    });
    this.#keepAlive = setInterval(() => this.#write(': still there\n\n'), keepAliveMs);
  }

  /** Sends an event; its data goes as JSON, which has no line breaks. After the end nothing is sent. */
  send(event: string, data: unknown): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    this.#begin();
  }

  /** Ends the answer. */
  end(): void {
    clearInterval(this.#keepAlive);
    this.#controller?.close();
    this.#controller = undefined;
  }

  #write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }
}
