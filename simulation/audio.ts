import { readFileSync } from 'node:fs';
import { assetPath } from '../core/assets.ts';
import { linesSchema } from '../sandbox/speech/lines.ts';
import { speak } from '../sandbox/voice.ts';
import { type Background, callerSampleRateHz, lineSamples, voicedRms } from '../scripts/caller.ts';
import type { Noise } from './scenario.ts';
import { seededRandom } from './seeded-random.ts';

const frameSamples = callerSampleRateHz / 100;
/** Others who talk at once. */
const babbleLines = ['en-reminder', 'en-museum-2', 'en-brother-1', 'en-table-1'] as const;

let index: ReadonlyMap<string, string> | undefined;

/** The words of a line of `sandbox/lines/`, undefined when there is none of that id. */
export function lineText(id: string): string | undefined {
  index ??= new Map(
    linesSchema
      .parse(JSON.parse(readFileSync(assetPath('sandbox', 'lines', 'lines.json'), 'utf8')))
      .map((line) => [line.id, line.text]),
  );
  return index.get(id);
}

/** What is to be spoken: a recorded line by its id, or a text, which is synthesised. */
export async function utterance(lineOrText: string, language?: string): Promise<{ text: string; samples: Int16Array }> {
  const text = lineText(lineOrText);
  if (text !== undefined) return { text, samples: lineSamples(lineOrText) };
  const samples = await speak(lineOrText, { language, sampleRateHz: callerSampleRateHz });
  return { text: lineOrText, samples };
}

/** Two recordings with silence between them. */
export function withPause(first: Int16Array, pauseMs: number, second: Int16Array): Int16Array {
  const gap = Math.round((callerSampleRateHz * pauseMs) / 1_000);
  const joined = new Int16Array(first.length + gap + second.length);
  joined.set(first);
  joined.set(second, first.length + gap);
  return joined;
}

/** Noise that is mixed into what it is given, from the same beginning for the same seed. */
export function noiseBackground({ kind, snr_db }: Noise, seed = 1): Background {
  const source = kind === 'white' ? whiteNoise(seed) : babble();
  const level = speechRms(lineSamples('en-weather')) / 10 ** (snr_db / 20);
  const gain = level / rms(source);
  let at = 0;
  return (samples) => {
    for (const [index, sample] of samples.entries()) {
      const noisy = sample + gain * (source[at] as number);
      samples[index] = Math.max(-32_768, Math.min(32_767, Math.round(noisy)));
      at = (at + 1) % source.length;
    }
  };
}

function whiteNoise(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: 4 * callerSampleRateHz }, () => random() * 2 - 1);
}

function babble(): Float32Array {
  const voices = babbleLines.map((id) => lineSamples(id));
  const length = Math.max(...voices.map((voice) => voice.length));
  return Float32Array.from({ length }, (_, at) =>
    voices.reduce((sum, voice) => sum + (voice[at % voice.length] as number), 0),
  );
}

/** Of the frames in which somebody speaks: pauses are no measure of how loud they are. */
function speechRms(samples: Int16Array): number {
  const squares: number[] = [];
  for (let from = 0; from < samples.length; from += frameSamples) {
    const level = rms(samples.subarray(from, from + frameSamples));
    if (level > voicedRms) squares.push(level ** 2);
  }
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

function rms(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at += 1) sum += (samples[at] as number) ** 2;
  return Math.sqrt(sum / samples.length);
}
