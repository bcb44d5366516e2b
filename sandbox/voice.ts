import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Who speaks: the program `espeak-ng`, or tones of the right length and rhythm where it isn't installed. */
export type VoiceEngine = 'espeak-ng' | 'synthetic';

/** The engine in use, chosen once at the start of the process. */
export const voiceEngine: VoiceEngine = (process.env.PATH ?? '').split(delimiter).some(hasEspeak)
  ? 'espeak-ng'
  : 'synthetic';

/** A frame of 20 ms counts as voiced when its root mean square is above this (full scale is 1, so about -40 dBFS). */
export const voicedRms = 0.01;

/** Length of what the synthetic voice makes of one character: people speak about 15 characters a second. */
export const syntheticMsPerCharacter = 65;

const frameMs = 20;
/** Quieter samples (of 32767) at either end are cut away. */
const silenceAmplitude = 200;
const cachedTexts = 200;

const spoken = new Map<string, Promise<Int16Array>>();

/**
 * Speaks a text: mono 16-bit samples at the asked rate, without silence at either end, empty for a text without a letter
 * or a digit. A text is spoken once and then remembered; callers must not change the samples.
 */
export function speak(
  text: string,
  options: { language?: string; sampleRateHz: number; engine?: VoiceEngine },
): Promise<Int16Array> {
  const { sampleRateHz, engine = voiceEngine } = options;
  const language = options.language?.split(/[-_]/)[0]?.toLowerCase() || guessLanguage(text);
  const key = `${engine} ${language} ${sampleRateHz} ${text}`;
  let samples = spoken.get(key);
  if (!samples) {
    samples = produce(text, language, sampleRateHz, engine);
    // A failure isn't remembered.
    samples.catch(() => spoken.delete(key));
    spoken.set(key, samples);
    const [oldest] = spoken.keys();
    if (oldest !== undefined && spoken.size > cachedTexts) spoken.delete(oldest);
  }
  return samples;
}

/** How much of the audio is voiced, in milliseconds (whole frames of 20 ms). */
export function voicedMs(samples: Int16Array, sampleRateHz: number): number {
  const frameLength = Math.round((sampleRateHz * frameMs) / 1000);
  let voiced = 0;
  for (let start = 0; start + frameLength <= samples.length; start += frameLength) {
    let energy = 0;
    for (const sample of samples.subarray(start, start + frameLength)) energy += (sample / 32_768) ** 2;
    if (Math.sqrt(energy / frameLength) > voicedRms) voiced += frameMs;
  }
  return voiced;
}

function hasEspeak(folder: string): boolean {
  try {
    accessSync(join(folder, 'espeak-ng'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Dutch when one of its commonest words occurs, else English. */
function guessLanguage(text: string): string {
  return /\b(de|het|een|ik|je|jij|u|niet|voor|met|van|hoe|wat|goedemorgen|hallo|dag)\b/i.test(text) ? 'nl' : 'en';
}

async function produce(text: string, language: string, sampleRateHz: number, engine: VoiceEngine): Promise<Int16Array> {
  if (!/[\p{L}\p{N}]/u.test(text)) return new Int16Array(0);
  if (engine === 'synthetic') return trim(synthesize(text.trim(), sampleRateHz));
  const wave = readWave(await runEspeak(text, language).catch(() => runEspeak(text, 'en')));
  return resample(trim(wave.samples), wave.sampleRateHz, sampleRateHz);
}

/** Rejects when espeak-ng doesn't know the language or fails otherwise. The text goes in by standard input. */
function runEspeak(text: string, voice: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('espeak-ng', ['-v', voice, '--stdin', '--stdout'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && chunks.length > 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`espeak-ng could not speak with voice ${voice} (exit code ${code})`));
    });
    // A child that ended early closes its input; its exit code tells.
    child.stdin.on('error', () => {});
    child.stdin.end(text);
  });
}

/** Reads what espeak-ng writes to a pipe: a 44-byte RIFF header, mono 16-bit samples up to the end. */
function readWave(wave: Buffer): { samples: Int16Array; sampleRateHz: number } {
  const headerLength = 44;
  const samples = new Int16Array(Math.floor((wave.length - headerLength) / 2));
  for (let index = 0; index < samples.length; index += 1) samples[index] = wave.readInt16LE(headerLength + 2 * index);
  return { samples, sampleRateHz: wave.readUInt32LE(24) };
}

function trim(samples: Int16Array): Int16Array {
  const isLoud = (sample: number) => Math.abs(sample) > silenceAmplitude;
  const start = samples.findIndex(isLoud);
  return start < 0 ? new Int16Array(0) : samples.slice(start, samples.findLastIndex(isLoud) + 1);
}

function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples;
  return Int16Array.from({ length: Math.floor((samples.length * toHz) / fromHz) }, (_, index) => {
    const position = (index * fromHz) / toHz;
    const before = samples[Math.floor(position)] ?? 0;
    const after = samples[Math.floor(position) + 1] ?? before;
    return before + (after - before) * (position % 1);
  });
}

/** A buzz of eight harmonics, loud on vowels, soft on consonants, silent on the rest, gliding from one to the next. */
function synthesize(text: string, sampleRateHz: number): Int16Array {
  const pitchHz = 130;
  const harmonics = 8;
  const characterLength = (sampleRateHz * syntheticMsPerCharacter) / 1000;
  const levels = Array.from(text, (character) => {
    if (!/[\p{L}\p{N}]/u.test(character)) return 0;
    return /[aeiouyáéíóúàèëïöü\d]/i.test(character) ? 1 : 0.35;
  });
  return Int16Array.from({ length: Math.round(levels.length * characterLength) }, (_, index) => {
    const position = index / characterLength;
    const level = levels[Math.floor(position)] ?? 0;
    const next = levels[Math.floor(position) + 1] ?? 0;
    let tone = 0;
    for (let harmonic = 1; harmonic <= harmonics; harmonic += 1) {
      tone += Math.sin((2 * Math.PI * pitchHz * harmonic * index) / sampleRateHz) / harmonic;
    }
    return 8_000 * tone * (level + (next - level) * (position % 1));
  });
}
