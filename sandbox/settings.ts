import { z } from 'zod';

/** Vendors the sandbox stands in for. */
export const vendors = [
  'deepgram',
  'anthropic',
  'cartesia',
  'openai',
  'litellm',
  'gemini',
  'sarvam',
  'azure-speech',
  'azure-openai',
] as const;

export type Vendor = (typeof vendors)[number];

/** How long a stand-in takes for what the real vendor takes time for. */
export const delaysSchema = z.strictObject({
  /** Recognisers: silence after the last voiced audio until the final transcript. */
  sttFinalMs: z.number().min(0).default(120),
  /** Language models: request to first token. */
  llmFirstTokenMs: z.number().min(0).default(250),
  llmTokensPerSecond: z.number().positive().default(80),
  /** Voices: first text of a context, or a request, to its first audio. */
  ttsFirstAudioMs: z.number().min(0).default(80),
  /** OpenAI: a file's last byte, or the end of a turn in a conversation, to its transcript. */
  transcriptionMs: z.number().min(0).default(100),
});

export type Delays = z.infer<typeof delaysSchema>;

/**
 * How a stand-in misbehaves: `refuse` a connection or request (401), `hang` without ever answering, `close` in the
 * middle of an answer, `rate-limit` (429), `overload` (529 at Anthropic, 503 elsewhere), `slow` (every delay is multiplied
 * by `factor`).
 */
export const failureSchema = z.strictObject({
  mode: z.enum(['refuse', 'hang', 'close', 'rate-limit', 'overload', 'slow']),
  /** How many requests or connections are hit before the stand-in is well again; all of them when absent. */
  times: z.number().int().positive().optional(),
  /** With `close`: how much is answered first, in milliseconds since the request, or since the first audio of a connection. */
  afterMs: z.number().min(0).default(200),
  /** With `slow`. */
  factor: z.number().min(1).default(10),
});

export type Failure = z.output<typeof failureSchema>;

/** Delays and failures of a running sandbox; tests and the control routes change them, stand-ins read them per request. */
export class SandboxSettings {
  delays: Delays = delaysSchema.parse({});
  readonly #failures = new Map<Vendor, Failure>();

  /** Switches a failure on, or off with null. */
  setFailure(vendor: Vendor, failure: z.input<typeof failureSchema> | null): void {
    if (failure) this.#failures.set(vendor, failureSchema.parse(failure));
    else this.#failures.delete(vendor);
  }

  /** The failure that hits this request or connection, counted down. Called once per request or connection. */
  takeFailure(vendor: Vendor): Failure | undefined {
    const failure = this.#failures.get(vendor);
    if (failure?.times !== undefined) {
      if (failure.times <= 1) this.#failures.delete(vendor);
      else failure.times -= 1;
      return { ...failure };
    }
    return failure;
  }

  /** The failure that goes on until it is switched off, without counting: for requests that find out whether a vendor is well. */
  standingFailure(vendor: Vendor): Failure | undefined {
    const failure = this.#failures.get(vendor);
    return failure?.times === undefined ? failure : undefined;
  }
}
