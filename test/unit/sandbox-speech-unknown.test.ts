import { describe, expect, it } from 'vitest';
import { FrameAnalyser } from '../../sandbox/speech/frames.ts';
import { SpeechLibrary } from '../../sandbox/speech/library.ts';
import { UtteranceMatcher } from '../../sandbox/speech/utterance-matcher.ts';
import { joined, lines, noise, recognise } from '../support/recognise.ts';

// Much is computed here: a machine that does other things meanwhile takes longer than the usual patience.
describe('listening', { timeout: 60_000 }, () => {
  it('takes a line it was not given for unknown, though it shares words and the voice', () => {
    for (const { id, samples, sampleRateHz } of lines) {
      const others = new UtteranceMatcher(new SpeechLibrary(lines.filter((line) => line.id !== id)));
      for (const frame of new FrameAnalyser(sampleRateHz).frames(samples)) others.add(frame);
      expect(others.heard(), id).toEqual({ words: [], unknown: true });
    }
  });

  it('takes noise and backward speech for unknown, and silence and clicks for nothing', () => {
    expect(recognise(noise(32_000, 8_000), 16_000)).toBe('unknown');
    // A single syllable sounds much the same backwards.
    const sentences = lines.filter(({ words }) => words.length > 1);
    for (const { samples } of sentences) expect(recognise(samples.slice().reverse(), 16_000)).toBe('unknown');
    expect(recognise(new Int16Array(32_000), 16_000)).toBe('');
    expect(recognise(joined(noise(1_600, 8_000), new Int16Array(16_000)), 16_000)).toBe('');
  });
});
