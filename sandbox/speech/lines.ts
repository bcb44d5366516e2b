import { z } from 'zod';

const lineSchema = z.object({
  id: z.string(),
  /** BCP 47 tag of the language that is spoken. */
  language: z.string(),
  /** What a recogniser returns: no punctuation, natural case. */
  text: z.string(),
  /** Where each word is heard, in milliseconds from the start of the recording. */
  words: z.array(z.object({ word: z.string(), startMs: z.number(), endMs: z.number() })),
  /** Name of the recording beside `lines.json`: WAV, 16-bit, mono. */
  file: z.string(),
});

/** The index of the recordings, `lines.json`. */
export const linesSchema = z.array(lineSchema);

/** What `lines.json` says about one recording. */
export type LineEntry = z.infer<typeof lineSchema>;

/** A sentence the stand-ins know by its sound. */
export interface Line extends LineEntry {
  /** 16-bit mono samples. */
  samples: Int16Array;
  sampleRateHz: number;
}

/**
 * Takes the samples out of a RIFF WAVE file (Microsoft, Multimedia Programming Interface 1.0).
 * @throws Error when it is not 16-bit mono PCM; `name` is used in the message only.
 */
export function readWav(name: string, file: Buffer): { samples: Int16Array; sampleRateHz: number } {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error(`${name}: not a WAV file`);
  }
  let sampleRateHz = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const chunk = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (chunk === 'fmt ') {
      const [format, channels, bits] = [body.readUInt16LE(0), body.readUInt16LE(2), body.readUInt16LE(14)];
      if (format !== 1 || channels !== 1 || bits !== 16) throw new Error(`${name}: needs 16-bit mono PCM`);
      sampleRateHz = body.readUInt32LE(4);
    }
    // Copied, because a Buffer may start at an odd address and Int16Array may not.
    if (chunk === 'data') return { samples: new Int16Array(Uint8Array.from(body).buffer), sampleRateHz };
    at += 8 + size + (size % 2);
  }
  throw new Error(`${name}: has no audio`);
}
