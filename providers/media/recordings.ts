import { once } from 'node:events';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import type { Recording } from '../../domain/transcription.ts';
import type { DivisionOptions } from './recording-reader.ts';
import type { ThreadAnswer, ThreadQuestion } from './recording-thread.ts';

/** How recordings are opened. */
export interface RecordingOptions extends DivisionOptions {
  /** How long one answer of the reader may take (default 20 s); the largest whole file takes a second. */
  timeoutMs?: number;
}

/** Beside the file itself, which is no part of it. */
const heapMegabytes = 256;

/**
 * Looks through a recording in a thread of its own, which is ended when it takes too long or too much memory, as it may with a
 * file that was made for that. The memory of `bytes` goes over to that thread: nobody else may use it, now or later.
 * @throws AppError `unsupported_type` for what is none of the four formats, `invalid_input` when there is nothing in it, not
 * all of it is there, or it can't be read.
 */
export async function openRecording(bytes: Uint8Array, options: RecordingOptions): Promise<Recording> {
  const thread = new RecordingThread(options.timeoutMs ?? 20_000);
  try {
    const { longestSegmentSeconds } = options;
    const answer = await thread.ask({ open: bytes, options: { longestSegmentSeconds } }, [bytes.buffer as ArrayBuffer]);
    if (!('opened' in answer)) throw unreadable();
    return {
      ...answer.opened,
      async read(segment) {
        const read = await thread.ask({ read: segment });
        if (!('read' in read)) throw unreadable();
        return read.read;
      },
      close: () => thread.end(),
    };
  } catch (error) {
    thread.end();
    throw error;
  }
}

/** The thread of one recording. */
class RecordingThread {
  readonly #worker: Worker;
  readonly #timeoutMs: number;
  readonly #failed: Promise<never>;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#worker = startThread({ env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: heapMegabytes } });
    this.#failed = new Promise((_, reject) => {
      this.#worker.once('error', () => reject(unreadable()));
      this.#worker.once('exit', () => reject(unreadable()));
    });
    this.#failed.catch(() => undefined);
  }

  /** @throws AppError as the reader refuses, and `invalid_input` when the thread is ended or does not answer in time. */
  async ask(question: ThreadQuestion, memory: readonly ArrayBuffer[] = []): Promise<ThreadAnswer> {
    this.#worker.postMessage(question, memory);
    const late = setTimeout(() => this.end(), this.#timeoutMs);
    try {
      const [answer] = (await Promise.race([once(this.#worker, 'message'), this.#failed])) as [ThreadAnswer];
      if ('refused' in answer) {
        const { code, message, faults } = answer.refused;
        throw new AppError(code, message, { faults });
      }
      return answer;
    } finally {
      clearTimeout(late);
    }
  }

  end(): void {
    void this.#worker.terminate();
  }
}

/** Compiled or not, the thread's file is of the same kind as this one; a loader is no part of a new thread by itself. */
function startThread(options: WorkerOptions): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const file = new URL(`./recording-thread.${isSource ? 'ts' : 'js'}`, import.meta.url);
  if (!isSource) return new Worker(file, options);
  const code = `import('tsx/esm/api').then(({ register }) => { register(); return import('${file.href}'); });`;
  return new Worker(code, { ...options, eval: true });
}

function unreadable(): AppError {
  return AppError.field('file', 'is damaged');
}
