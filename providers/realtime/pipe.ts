import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';

/** A stream and the end that we write to; writing to one that is closed or was given up by its reader does nothing. */
export class Pipe<T> {
  readonly stream: ReadableStream<T>;
  #controller: ReadableStreamDefaultController<T> | undefined;

  constructor() {
    this.stream = new ReadableStream<T>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
      },
    });
  }

  write(value: T): void {
    this.#controller?.enqueue(value);
  }

  close(): void {
    this.#controller?.close();
    this.#controller = undefined;
  }
}
