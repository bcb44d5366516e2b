import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { momentSchema } from './moment.ts';
import { editSchema, spanSchema } from './normalization/result.ts';

/** Who said a turn. */
export const speakerSchema = z.enum(['user', 'agent']).meta({ id: 'Speaker' });

const offset = z.number().int().nullable();

/**
 * When each stage of an answer was reached, in milliseconds from the last sound of the person, or from the arrival of a typed
 * message. Null where a stage did not take part. A reply that was begun ahead of the end of the turn has negative ones.
 */
export const waterfallSchema = z
  .strictObject({
    transcriptMs: offset.describe('The final transcript.'),
    endOfTurnMs: offset.describe('The turn was sure to be over.'),
    requestMs: offset.describe('The request to the model, of the reply whose words were spoken.'),
    firstTokenMs: offset.describe('The first words of that reply.'),
    firstSentenceMs: offset.describe('The end of its first sentence.'),
    firstAudioMs: offset.describe('The first audio of its voice.'),
    firstFrameMs: offset.describe('The first thing the person heard, or read in a call without sound.'),
    vendors: z.strictObject({
      stt: z.string().max(64).nullable(),
      llm: z.string().max(64).nullable(),
      tts: z.string().max(64).nullable(),
    }),
    tokens: z
      .strictObject({
        prompt: z.number().int().min(0),
        cached: z.number().int().min(0),
        completion: z.number().int().min(0),
      })
      .describe('Of all requests since the turn before, those that were begun ahead and dropped among them.'),
    costDollars: z.number().min(0).nullable().describe('An estimate; null where a price is not known.'),
  })
  .meta({ id: 'Waterfall' });

export type Waterfall = z.infer<typeof waterfallSchema>;

/**
 * A turn as it is appended. The id is chosen by whoever appends it and is the idempotency key: appending the same one
 * again changes nothing.
 */
export const newTurnSchema = z
  .strictObject({
    id: z.uuid(),
    speaker: speakerSchema,
    agent: z.string().max(64).nullable().default(null).describe('Agent of the roster that was active.'),
    text: z.string().max(sizes.turnCharacters).describe('As shown: normalized for a user, as heard for an agent.'),
    raw: z
      .string()
      .max(sizes.turnCharacters)
      .nullable()
      .default(null)
      .describe('What the recogniser heard, when it differs.'),
    edits: z.array(editSchema).max(1_000).default([]),
    interrupted: z.boolean().default(false),
    saidAt: momentSchema,
    position: z
      .int()
      .min(1)
      .max(1_000_000)
      .nullable()
      .default(null)
      .describe('Its place in the session, for a writer that may send turns out of order; by default the end.'),
    latency: waterfallSchema
      .nullable()
      .default(null)
      .describe('With an answer of an agent: where its time went and what it cost.'),
  })
  .meta({ id: 'NewTurn' });

export type NewTurn = z.input<typeof newTurnSchema>;

/** A new turn with every default filled in. */
export type StoredNewTurn = z.output<typeof newTurnSchema>;

/** A turn as it is kept, with its place in the session. */
export const turnSchema = newTurnSchema.extend({ position: z.number().int() }).meta({ id: 'Turn' });

export type Turn = z.infer<typeof turnSchema>;

/** Topics of the text streams we add to LiveKit's own `lk.chat` and `lk.transcription`, and of data packets. */
export const topics = {
  /** JSON `TranscriptDetail`: what normalization did to one transcript. */
  transcriptDetail: 'parley.transcript',
  /** JSON `TurnReport`: where the time of one answered turn went. */
  turnReport: 'parley.turn',
  /** JSON `Recovery`: something went wrong, and what was done about it. */
  recovery: 'parley.recovery',
  /** JSON `MemoryNews`: something about the person was proposed, kept or forgotten. */
  memory: 'parley.memory',
  /** JSON `Note`: the whole note, after each change that dictation has made to it. */
  note: 'parley.note',
  /**
   * JSON `Reminder`: a reminder that the agent tells. And an empty data packet from the server to an agent: one of its person is
   * due.
   */
  reminder: 'parley.reminder',
  /** An empty data packet from the server to an agent: the lexicon of its person has changed. */
  lexicon: 'parley.lexicon',
} as const;

/** Sent on `topics.transcriptDetail` for each final transcript and typed message. */
export const transcriptDetailSchema = z.object({
  text: z.string(),
  raw: z.string(),
  edits: z.array(editSchema),
  typed: z.boolean(),
  /** Name of the pack that made the edits; null when none is for the language. */
  pack: z.string().nullable().optional(),
  /** What looks wrong but was left as it was said, such as a tooth that does not exist; spans of `raw`. */
  warnings: z.array(z.object({ code: z.literal('invalid-tooth'), input: spanSchema })).optional(),
});

export type TranscriptDetail = z.infer<typeof transcriptDetailSchema>;

/** Sent on `topics.turnReport` once a turn is answered. Milliseconds; null where a stage did not take part. */
export const turnReportSchema = z.object({
  turnId: z.string(),
  agent: z.string(),
  typed: z.boolean(),
  interrupted: z.boolean(),
  /** Last voiced audio to the final transcript. */
  transcriptionDelayMs: z.number().nullable(),
  /** Last voiced audio to the turn being sure. */
  endOfTurnDelayMs: z.number().nullable(),
  /** LLM request to its first token (TTFT), of the request whose text was spoken. */
  ttftMs: z.number().nullable(),
  /** First text to first audio of the TTS (TTFB). */
  ttfbMs: z.number().nullable(),
  /** Audio the TTS made for this reply. */
  audioMs: z.number().nullable(),
  waterfall: waterfallSchema,
});

export type TurnReport = z.infer<typeof turnReportSchema>;

/** Sent on `topics.recovery` whenever a call goes on by other means than it should have. */
export const recoverySchema = z.object({
  /**
   * `fallback`: another vendor has taken over. `filler`: the answer is late, and the agent has said so. `apology`: a turn got no
   * answer. `not-heard`: speech gave no words. `text-only`: nothing can be spoken, the answer is in the transcript alone.
   * `modality`: the call goes on as a pipeline instead of speech to speech, or the other way round. `by-rule`: no model answers,
   * and the agent goes on without one.
   */
  kind: z.enum(['fallback', 'filler', 'apology', 'not-heard', 'text-only', 'modality', 'by-rule']),
  /** With `fallback`: what the vendor does. */
  port: z.enum(['stt', 'llm', 'tts', 'realtime']).optional(),
  /** With `fallback`: the vendor that was given up, and the one that goes on; null when none is left. */
  from: z.string().optional(),
  to: z.string().nullable().optional(),
  /** With `fallback`: why. */
  reason: z.enum(['timeout', 'stall', 'error', 'refused']).optional(),
});

export type Recovery = z.infer<typeof recoverySchema>;
