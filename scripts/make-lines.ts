/**
 * Makes the recordings in `sandbox/lines/` and their index with the programs `espeak-ng` and `sox`. Run it only to change
 * what the stand-ins know; the recordings are committed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assetPath } from '../core/assets.ts';
import { rootMeanSquare } from '../sandbox/speech/frames.ts';
import { type LineEntry, readWav } from '../sandbox/speech/lines.ts';

interface Sentence {
  id: string;
  language: 'en' | 'nl';
  text: string;
  /** One phoneme word for each word, where espeak-ng would join two ("for a"). */
  phonemes?: string;
}

const sentences: Sentence[] = [
  { id: 'en-set-up', language: 'en', text: 'hello I would like to set up my profile' },
  { id: 'en-name', language: 'en', text: 'please call me Robin' },
  { id: 'en-goal', language: 'en', text: 'I want to practise my presentations' },
  {
    id: 'en-hold-on',
    language: 'en',
    text: 'sorry please hold on for a moment',
    phonemes: "s'A:ri pl'i:z h'oUld ,O2n f3r- @ m'oUm@nt",
  },
  { id: 'en-what-can-you-do', language: 'en', text: 'what can you do for me' },
  { id: 'en-weather', language: 'en', text: 'tell me about the weather in Paris today' },
  { id: 'en-remember', language: 'en', text: 'what do you remember about me' },
  { id: 'en-reminder', language: 'en', text: 'please remind me to call my sister tomorrow morning' },
  { id: 'en-story', language: 'en', text: 'please tell me a long story' },
  { id: 'en-mhm', language: 'en', text: 'mhm', phonemes: "mh'Vm" },
  // Halves of what is said with a thinking pause: three that leave the sentence open, three that don't.
  { id: 'en-table-1', language: 'en', text: 'reserve a window table for' },
  { id: 'en-table-2', language: 'en', text: 'Friday evening at seven' },
  { id: 'en-station-1', language: 'en', text: 'show me the way to the' },
  { id: 'en-station-2', language: 'en', text: 'restaurant near the station' },
  { id: 'en-brother-1', language: 'en', text: 'my brother visits us next week and' },
  { id: 'en-brother-2', language: 'en', text: 'he needs a quiet room' },
  { id: 'en-dentist-1', language: 'en', text: 'remind me to call the dentist' },
  { id: 'en-dentist-2', language: 'en', text: 'tomorrow morning at nine' },
  { id: 'en-museum-1', language: 'en', text: 'we have two more questions' },
  { id: 'en-museum-2', language: 'en', text: 'how long does the museum stay open' },
  { id: 'en-music-1', language: 'en', text: 'turn down the music' },
  { id: 'en-music-2', language: 'en', text: 'nobody hears what they are saying' },
  { id: 'nl-dental', language: 'nl', text: 'element zesentwintig mesio occlusaal karies' },
  { id: 'nl-terugkomen', language: 'nl', text: 'over veertien dagen terug voor controle' },
  { id: 'nl-caries', language: 'nl', text: 'element zevenentwintig mesio occluso distaal karies' },
  { id: 'nl-composiet', language: 'nl', text: 'nieuwe regel element drie zes occlusaal komposiet restauratie' },
  { id: 'nl-pocket', language: 'nl', text: 'nieuwe regel pocketdiepte zes millimeter bij element zestien' },
  { id: 'nl-dpsi', language: 'nl', text: 'nieuwe regel dpsi drie min in sextant twee' },
  { id: 'nl-geen-caries', language: 'nl', text: 'nieuwe alinea geen karies op element vijfenveertig' },
  { id: 'nl-volgende', language: 'nl', text: 'volgende patiënt extractie van element achtendertig' },
];

const voices = { en: 'en-us', nl: 'nl' } as const;
const sampleRateHz = 16_000;
const wordsPerMinute = '150';
/**
 * Stretches below this (of full scale 1) for longer than `longestWeakMs` are shortened to it: less than a frame of the
 * listener, so that how much of a line counts as voiced doesn't depend on where its frames begin.
 */
const weakRms = 0.02;
const longestWeakMs = 15;
const blockMs = 5;
const blockSamples = (sampleRateHz * blockMs) / 1000;
/** A word that begins with a stop begins with a silent closure, which is lost when the word follows a pause. */
const closureMs = 50;

const scratch = mkdtempSync(join(tmpdir(), 'parley-lines-'));

function espeak(...options: string[]): string {
  return execFileSync('espeak-ng', ['-z', '-s', wordsPerMinute, ...options], { encoding: 'utf8' });
}

/** Speaks phonemes (espeak-ng's own notation) and gives 16 kHz samples with their peak at -3 dB. */
function synthesize(voice: string, phonemes: string): Int16Array {
  const [spoken, resampled] = [join(scratch, 'spoken.wav'), join(scratch, 'resampled.wav')];
  espeak('-v', voice, '-w', spoken, `[[${phonemes}]]`);
  execFileSync('sox', ['-D', spoken, '-r', String(sampleRateHz), '-b', '16', resampled, 'gain', '-n', '-3']);
  return readWav('espeak-ng output', readFileSync(resampled)).samples;
}

/** Whether each block of 5 ms is weak. */
function weakBlocks(samples: Int16Array): boolean[] {
  return Array.from(
    { length: Math.ceil(samples.length / blockSamples) },
    (_, block) => rootMeanSquare(samples.subarray(block * blockSamples, (block + 1) * blockSamples)) < weakRms,
  );
}

/** Milliseconds after the longest weak stretch, the pause that was put in. */
function tailAfterPauseMs(samples: Int16Array): number {
  const weak = weakBlocks(samples);
  let [longest, end, run] = [0, 0, 0];
  for (const [block, isWeak] of weak.entries()) {
    run = isWeak ? run + 1 : 0;
    // The weak end of the recording is no pause.
    if (run > longest && weak.indexOf(false, block) !== -1) [longest, end] = [run, block + 1];
  }
  return (weak.length - end) * blockMs;
}

/**
 * Where each word starts: the sentence is spoken again with a pause before that word, which leaves stress and lengths
 * as they are, and what follows the pause is subtracted from the whole.
 */
function wordStartsMs(voice: string, words: string[], wholeMs: number): number[] {
  return words.map((word, index) => {
    if (index === 0) return 0;
    const paused = [...words.slice(0, index), '_:_:_:_:', ...words.slice(index)].join(' ');
    const start = wholeMs - tailAfterPauseMs(synthesize(voice, paused));
    return /^[',]?[ptkbdg]/.test(word) ? start - closureMs : start;
  });
}

/** Removes weak edges and shortens weak stretches; `mapMs` turns a time of the original into one of the result. */
function tighten(samples: Int16Array): { samples: Int16Array; mapMs(ms: number): number } {
  const weak = weakBlocks(samples);
  const [first, last] = [weak.indexOf(false), weak.lastIndexOf(false)];
  let run = 0;
  const kept = weak.map((isWeak, block) => {
    run = isWeak ? run + 1 : 0;
    return block >= first && block <= last && run * blockMs <= longestWeakMs;
  });
  const pieces = kept.flatMap((keep, block) =>
    keep ? [...samples.subarray(block * blockSamples, (block + 1) * blockSamples)] : [],
  );
  return {
    samples: Int16Array.from(pieces),
    mapMs: (ms) => kept.slice(0, Math.round(ms / blockMs)).filter(Boolean).length * blockMs,
  };
}

function wavFile(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

function makeLine(sentence: Sentence): LineEntry {
  const voice = voices[sentence.language];
  const words = sentence.text.split(' ');
  const phonemes = (sentence.phonemes ?? espeak('-q', '-x', '-v', voice, sentence.text)).trim().split(/\s+/);
  if (phonemes.length !== words.length) {
    throw new Error(`${sentence.id}: espeak-ng joins words: give its phonemes (${phonemes.join(' ')}) word by word`);
  }
  const whole = synthesize(voice, phonemes.join(' '));
  const starts = wordStartsMs(voice, phonemes, weakBlocks(whole).length * blockMs);
  const tight = tighten(whole);
  const file = `${sentence.id}.wav`;
  writeFileSync(assetPath('sandbox', 'lines', file), wavFile(tight.samples));
  const endMs = Math.floor(tight.samples.length / (sampleRateHz / 1000));
  return {
    id: sentence.id,
    language: sentence.language,
    text: sentence.text,
    words: words.map((word, index) => ({
      word,
      startMs: tight.mapMs(starts[index] ?? 0),
      endMs: index + 1 < words.length ? tight.mapMs(starts[index + 1] ?? 0) : endMs,
    })),
    file,
  };
}

try {
  const entries = sentences.map(makeLine);
  writeFileSync(assetPath('sandbox', 'lines', 'lines.json'), `${JSON.stringify(entries, null, 2)}\n`);
  console.log(`${entries.length} lines in sandbox/lines`);
} catch (error) {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'path' in error;
  console.error(missing ? `${error.path} is not installed: apt-get install espeak-ng sox` : error);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
