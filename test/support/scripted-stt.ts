import { asLanguageCode, stt } from '@livekit/agents';

const { SpeechEventType } = stt;

/** Of streams that try once. */
export const noRetry = { maxRetry: 0, retryIntervalMs: 1, timeoutMs: 1_000 };

/** An event of any type of transcript. */
export function transcript(type: stt.SpeechEventType, text: string, language = ''): stt.SpeechEvent {
  const data = { text, language: asLanguageCode(language), startTime: 0, endTime: 1, confidence: 0.9 };
  return { type, requestId: 'r1', alternatives: [data] };
}

/** The event of a final transcript. */
export function final(text: string, language = ''): stt.SpeechEvent {
  return transcript(SpeechEventType.FINAL_TRANSCRIPT, text, language);
}

/** What reached the scripted recogniser. */
interface Seen {
  frames: number;
  flushes: number;
  attempts: number;
  offsets: number[];
  keyterms: string[];
  closed: boolean;
  prewarmed: boolean;
  aborted: boolean;
}

/** A recogniser that plays one script an attempt: it puts the events, then throws if told so, then waits for its input. */
export class ScriptedSTT extends stt.STT {
  label = 'scripted';
  readonly seen: Seen = {
    frames: 0,
    flushes: 0,
    attempts: 0,
    offsets: [],
    keyterms: [],
    closed: false,
    prewarmed: false,
    aborted: false,
  };
  readonly scripts: { events: stt.SpeechEvent[]; error?: Error }[];

  constructor(...scripts: { events: stt.SpeechEvent[]; error?: Error }[]) {
    super({ streaming: true, interimResults: true, alignedTranscript: 'word', keyterms: true });
    this.scripts = scripts;
  }

  override get model() {
    return 'model-1';
  }

  override get provider() {
    return 'vendor';
  }

  protected override async _recognize(_audio: unknown, signal?: AbortSignal): Promise<stt.SpeechEvent> {
    this.seen.aborted = signal?.aborted ?? false;
    return final('element twee zes');
  }

  override _updateSessionKeyterms(keyterms: string[]) {
    this.seen.keyterms = keyterms;
  }

  prewarm() {
    this.seen.prewarmed = true;
  }

  override stream(options?: { connOptions?: typeof noRetry }): stt.SpeechStream {
    return new ScriptedStream(this, options?.connOptions);
  }

  override async close() {
    this.seen.closed = true;
  }
}

class ScriptedStream extends stt.SpeechStream {
  label = 'scripted.stream';
  readonly #stt: ScriptedSTT;

  constructor(owner: ScriptedSTT, connOptions?: typeof noRetry) {
    super(owner, undefined, connOptions);
    this.#stt = owner;
    this.abortSignal.addEventListener('abort', () => {
      owner.seen.aborted = true;
    });
  }

  protected override async run() {
    const { seen, scripts } = this.#stt;
    seen.offsets.push(this.startTimeOffset);
    const script = scripts[seen.attempts];
    seen.attempts += 1;
    for (const event of script?.events ?? []) this.queue.put(event);
    if (script?.error) throw script.error;
    for await (const item of this.input) {
      if (item === ScriptedStream.FLUSH_SENTINEL) seen.flushes += 1;
      else seen.frames += 1;
    }
  }
}
