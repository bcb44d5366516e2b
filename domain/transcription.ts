import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { packNameSchema } from './lexicon.ts';
import { editSchema } from './normalization/result.ts';

/** Containers of recordings that can be transcribed; each is also the ending of its files' names. */
export const audioFormats = ['wav', 'mp3', 'webm', 'm4a'] as const;

export type AudioFormat = (typeof audioFormats)[number];

/** A stretch of a recording, in seconds from its beginning. */
export interface Stretch {
  startSeconds: number;
  endSeconds: number;
}

/** A recording that was looked through: it is what its content says, and all of it is there. */
export interface Recording {
  format: AudioFormat;
  durationSeconds: number;
  /** The recording from its beginning to its end, in pieces that a recogniser takes. */
  segments: readonly Stretch[];
  /**
   * One of the segments as a file of the recording's format.
   * @throws AppError `invalid_input` when the audio in it is damaged.
   */
  read(segment: Stretch): Promise<Uint8Array>;
  /** Gives back what reading took; a reading that goes on fails. */
  close(): void;
}

/** What a recogniser of files is asked. */
export interface FileTranscriptionRequest {
  audio: Uint8Array;
  format: AudioFormat;
  /** BCP 47 tag; absent where the recogniser is to find out. */
  language?: string;
  /** Words to expect, and what was said before; at most `promptCharacters`, empty for none. */
  prompt: string;
}

/** A recogniser of recorded speech. */
export interface FileTranscriber {
  /** Characters of a prompt it heeds. */
  promptCharacters: number;
  /**
   * What is said in the audio, as it was said.
   * @throws AppError `invalid_input` when the recogniser can't read the audio, `unavailable` when it is away, busy or refuses
   * us, after its retries; the reason of `signal` as soon as that aborts.
   */
  transcribe(request: FileTranscriptionRequest, signal: AbortSignal): Promise<string>;
}

/** What a client says about a recording. */
export const transcriptionFieldsSchema = z
  .strictObject({
    language: z
      .string()
      .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'is no BCP 47 tag, such as nl or nl-BE')
      .max(35)
      .optional()
      .describe(
        "What is spoken (BCP 47). Left out: the pack's, or the profile's; the recogniser finds out where neither is known.",
      ),
    pack: packNameSchema
      .optional()
      .describe('Normalization pack to apply. Left out: the first one of the language; none where there is none.'),
    prompt: z
      .string()
      .max(sizes.promptCharacters, `is longer than ${sizes.promptCharacters} characters`)
      .optional()
      .describe('Words to expect, beside those of the lexicon; no instructions.'),
  })
  .meta({ id: 'TranscriptionFields' });

export type TranscriptionFields = z.infer<typeof transcriptionFieldsSchema>;

const stretchFields = {
  startSeconds: z.number().min(0),
  endSeconds: z.number().min(0),
};

/** What was said in one segment of a recording. */
export const transcriptionSegmentSchema = z
  .object({
    ...stretchFields,
    raw: z.string(),
    text: z
      .string()
      .describe('Normalized by itself: notation that spans two segments is written down in the whole text alone.'),
  })
  .meta({ id: 'TranscriptionSegment' });

export type TranscriptionSegment = z.infer<typeof transcriptionSegmentSchema>;

/** What was said in a recording. */
export const transcriptionSchema = z
  .object({
    text: z.string().describe('In the notation of the pack.'),
    raw: z.string().describe('As it was heard.'),
    edits: z.array(editSchema).describe('From raw to text, by which it can be undone.'),
    language: z.string().nullable(),
    pack: z.string().nullable(),
    durationSeconds: z.number().min(0),
    segments: z.array(transcriptionSegmentSchema),
  })
  .meta({ id: 'Transcription' });

export type Transcription = z.infer<typeof transcriptionSchema>;

/** How far a transcription is: before each segment, and with each that is finished. */
export type TranscriptionProgress =
  | { type: 'progress'; segment: number; segments: number; startSeconds: number; endSeconds: number }
  | ({ type: 'segment'; segment: number } & TranscriptionSegment);
