import { assetPath } from '../../core/assets.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { FrameAnalyser } from '../../sandbox/speech/frames.ts';
import { SpeechLibrary } from '../../sandbox/speech/library.ts';
import { UtteranceMatcher } from '../../sandbox/speech/utterance-matcher.ts';

/** The recordings that the stand-ins know. */
export const lines = await loadLines(assetPath('sandbox', 'lines'));
export const library = new SpeechLibrary(lines);

/** The words that a recording is taken for, or `unknown`. */
export function recognise(samples: Int16Array, sampleRateHz: number): string {
  const matcher = new UtteranceMatcher(library);
  for (const frame of new FrameAnalyser(sampleRateHz).frames(samples)) matcher.add(frame);
  const { words, unknown } = matcher.heard();
  return unknown ? 'unknown' : words.map(({ word }) => word).join(' ');
}

/** Reproducible noise (Park and Miller, 1988). */
export function noise(length: number, amplitude: number): Int16Array {
  let state = 1;
  return Int16Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return ((state / 2_147_483_647) * 2 - 1) * amplitude;
  });
}

/** One recording after the other. */
export function joined(...parts: Int16Array[]): Int16Array {
  return Int16Array.from(parts.flatMap((part) => [...part]));
}
