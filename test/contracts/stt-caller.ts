import { type APIConnectOptions, type APIError, stt } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';

/** What the lines are recorded at and callers push. */
export const sampleRateHz = 16_000;
const frameSamples = sampleRateHz / 50;
/** Retries come fast, so that a test of many failures stays short. */
const connOptions: APIConnectOptions = { maxRetry: 3, retryIntervalMs: 200, timeoutMs: 5_000 };

/** A stream that is fed samples and remembers its events. */
export class Caller {
  readonly events: stt.SpeechEvent[] = [];
  readonly errors: APIError[] = [];
  readonly stream: stt.SpeechStream;
  /** Resolves when the stream gives no more events. */
  readonly ended: Promise<void>;

  constructor(adapter: stt.STT, options: Partial<APIConnectOptions> = {}) {
    adapter.on('error', ({ error }) => this.errors.push(error as APIError));
    const stream = adapter.stream({ connOptions: { ...connOptions, ...options } });
    this.stream = stream;
    this.ended = (async () => {
      for await (const event of stream) this.events.push(event);
    })();
  }

  /** Pushes samples as frames of 20 ms. */
  push(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += frameSamples) {
      const piece = samples.slice(at, at + frameSamples);
      this.stream.pushFrame(new AudioFrame(piece, sampleRateHz, 1, piece.length));
    }
  }

  /** A line, or part of it, and the silence that ends an utterance. */
  say(samples: Int16Array): void {
    this.push(samples);
    this.push(silence(600));
  }

  /** Events of one type, in order. */
  of(type: stt.SpeechEventType): stt.SpeechEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Their texts. */
  texts(type: stt.SpeechEventType): string[] {
    return this.of(type).map((event) => event.alternatives?.[0].text ?? '');
  }

  /** Final transcripts so far. */
  get finals(): string[] {
    return this.texts(stt.SpeechEventType.FINAL_TRANSCRIPT);
  }
}

/** Nothing to hear. */
export function silence(ms: number): Int16Array {
  return new Int16Array((sampleRateHz * ms) / 1000);
}

/** Speech-like sound that is no known line: a buzz whose formants wander. */
export function unknownSpeech(ms: number): Int16Array {
  return Int16Array.from({ length: (sampleRateHz * ms) / 1000 }, (_, n) => {
    const t = n / sampleRateHz;
    const formantHz = 700 + 500 * Math.sin(2 * Math.PI * 2.3 * t);
    const buzz = Math.sin(2 * Math.PI * 120 * t) + 0.8 * Math.sin(2 * Math.PI * formantHz * t);
    return 6_000 * buzz * (0.7 + 0.3 * Math.sin(2 * Math.PI * 5 * t));
  });
}
