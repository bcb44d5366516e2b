import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AudioFrame } from '@livekit/rtc-node';
import { newId } from '../../core/ids.ts';

/** Longer recordings are not worth their place. */
const longestSeconds = 30;
/** People take 65 ms a character: a recording that took much less was cut off by a failure. */
const leastMsPerCharacter = 45;
const frameMs = 20;

/** Whose recordings these are. */
export interface LineCacheOptions {
  /** Folder for the recordings, made when it is missing; absent: they are kept in memory alone. */
  folder?: string;
  /** What the voice is made by, without its key: recordings of another voice, model or speed are not these. */
  voice: string;
  /** The lines that agents say again and again, as they are written. None holds anything about a person. */
  lines: readonly string[];
}

/**
 * Recordings of the lines that repeat, such as greetings, fillers and apologies: they are heard at once, cost nothing the second
 * time, and are there when the voice is not. Each was spoken by the voice of the call once.
 */
export class LineCache {
  readonly #options: LineCacheOptions;
  readonly #recordings = new Map<string, Recording>();

  constructor(options: LineCacheOptions) {
    this.#options = options;
  }

  /** Reads the recordings that are there. A file that can't be read is recorded again. */
  async load(): Promise<void> {
    const { folder, lines } = this.#options;
    if (folder === undefined) return;
    await Promise.all(
      lines.map(async (line) => {
        const file = await readFile(join(folder, this.#nameOf(line))).catch(() => undefined);
        const recording = file && decode(file);
        if (recording) this.#recordings.set(line, recording);
      }),
    );
  }

  /** Lines that are not recorded yet. */
  missing(): string[] {
    return this.#options.lines.filter((line) => !this.#recordings.has(line));
  }

  /** Whether a text may still become one of the recorded lines when it goes on. */
  mayBecomeLine(text: string): boolean {
    for (const line of this.#recordings.keys()) if (line.startsWith(text)) return true;
    return false;
  }

  /** Whether a text is one of the lines or the beginning of one, recorded or not. */
  beginsLine(text: string): boolean {
    return this.#options.lines.some((line) => line.startsWith(text));
  }

  /** The recording of a line, as frames of 20 ms. */
  frames(line: string): AudioFrame[] | undefined {
    const recording = this.#recordings.get(line);
    if (!recording) return undefined;
    const { samples, sampleRateHz } = recording;
    const length = (sampleRateHz * frameMs) / 1_000;
    return Array.from({ length: Math.ceil(samples.length / length) }, (_, index) => {
      const piece = samples.slice(index * length, (index + 1) * length);
      return new AudioFrame(piece, sampleRateHz, 1, piece.length);
    });
  }

  /** Keeps what a voice made of a line; what is no line, or not all of it, is passed over. Never fails: a recording that can't be written is made again next time. */
  async keep(line: string, frames: readonly AudioFrame[]): Promise<void> {
    const sampleRateHz = frames[0]?.sampleRate;
    const length = frames.reduce((sum, { data }) => sum + data.length, 0);
    if (sampleRateHz === undefined || !this.#options.lines.includes(line)) return;
    const durationMs = (length / sampleRateHz) * 1_000;
    if (durationMs < line.length * leastMsPerCharacter || durationMs > longestSeconds * 1_000) return;
    const samples = new Int16Array(length);
    let at = 0;
    for (const { data } of frames) {
      samples.set(data, at);
      at += data.length;
    }
    this.#recordings.set(line, { samples, sampleRateHz });
    const { folder } = this.#options;
    if (folder === undefined) return;
    // Written aside and renamed: other processes read the same folder.
    const file = join(folder, this.#nameOf(line));
    const aside = `${file}.${newId()}`;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(aside, encode({ samples, sampleRateHz }), { mode: 0o600 });
      await rename(aside, file);
    } catch {
      // It stays in memory for this call.
    }
  }

  #nameOf(line: string): string {
    return `${createHash('sha256').update(`${this.#options.voice}\n${line}`).digest('hex')}.pcm`;
  }
}

interface Recording {
  samples: Int16Array;
  sampleRateHz: number;
}

const magic = 'PLC1';
const headBytes = 8;

function encode({ samples, sampleRateHz }: Recording): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(magic, 'latin1');
  head.writeUInt32LE(sampleRateHz, magic.length);
  return Buffer.concat([head, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

function decode(file: Buffer): Recording | undefined {
  if (file.length <= headBytes || file.length % 2 || file.toString('latin1', 0, magic.length) !== magic)
    return undefined;
  const bytes = Uint8Array.from(file.subarray(headBytes));
  return { samples: new Int16Array(bytes.buffer), sampleRateHz: file.readUInt32LE(magic.length) };
}
