import { describe, expect, it } from 'vitest';
import { FrameAnalyser, frameMs } from '../../sandbox/speech/frames.ts';
import { readWav } from '../../sandbox/speech/lines.ts';
import { SpeechListener, type Transcript } from '../../sandbox/speech/speech-listener.ts';
import { unknownSpeechNotice } from '../../sandbox/speech/utterance-matcher.ts';
import { joined, library, lines, noise, recognise } from '../support/recognise.ts';

/** Linear interpolation: rough on purpose, as a recogniser has to bear more than a good resampler. */
function resample(samples: Int16Array, from: number, to: number): Int16Array {
  return Int16Array.from({ length: Math.floor((samples.length * to) / from) }, (_, n) => {
    const [at, share] = [Math.floor((n * from) / to), ((n * from) / to) % 1];
    return (samples[at] ?? 0) * (1 - share) + (samples[at + 1] ?? 0) * share;
  });
}

describe('the lines', () => {
  it.each(lines)(
    '$id has words that follow each other to the end of its recording',
    ({ words, text, ...recording }) => {
      expect(words.map(({ word }) => word).join(' ')).toBe(text);
      for (const [index, { startMs, endMs }] of words.entries()) {
        expect(endMs).toBeGreaterThan(startMs);
        expect(startMs).toBe(words[index - 1]?.endMs ?? 0);
      }
      const durationMs = (recording.samples.length * 1000) / recording.sampleRateHz;
      expect(Math.abs((words.at(-1)?.endMs ?? 0) - durationMs)).toBeLessThan(2);
    },
  );

  it.each(lines)('$id has no pause that could end an utterance', ({ samples, sampleRateHz }) => {
    const voiced = [...new FrameAnalyser(sampleRateHz).frames(samples)]
      .map((frame) => (frame.voiced ? 'v' : '-'))
      .join('');
    expect(voiced).not.toContain('---');
  });

  it('are refused when they are not 16-bit mono PCM', () => {
    expect(() => readWav('x.wav', Buffer.from('not audio'))).toThrow('x.wav: not a WAV file');
  });
});

// Much is computed here: a machine that does other things meanwhile takes longer than the usual patience.
describe('listening', { timeout: 60_000 }, () => {
  it.each(lines)('hears $id at every sample rate and gain, however it starts', ({ text, samples, sampleRateHz }) => {
    expect(recognise(samples, sampleRateHz)).toBe(text);
    const quiet = samples.map((sample) => sample * 0.3);
    expect(recognise(joined(noise(123, 30), quiet, noise(800, 30)), sampleRateHz)).toBe(text);
    for (const rateHz of [8_000, 24_000, 48_000])
      expect(recognise(resample(samples, sampleRateHz, rateHz), rateHz)).toBe(text);
  });

  it.each(lines)(
    'hears the first and the second half of $id as what they are',
    ({ text, words, samples, sampleRateHz }) => {
      // A third of the places in each line, others in the next one: all of them would take minutes.
      const phase = lines.findIndex((line) => line.text === text) % 3;
      for (const { endMs } of words.slice(1, -2).filter((_word, index) => index % 3 === phase)) {
        const cut = (endMs * sampleRateHz) / 1000;
        const halves = [recognise(samples.slice(0, cut), sampleRateHz), recognise(samples.slice(cut), sampleRateHz)];
        expect(halves.join(' ')).toBe(text);
        expect(halves[0]?.split(' ')).toHaveLength(words.filter((word) => word.endMs <= endMs).length);
      }
    },
  );

  it('hears two lines that follow each other without a pause', () => {
    const [first, second] = lines;
    if (!first || !second) throw new Error('needs two lines');
    expect(recognise(joined(first.samples, second.samples), 16_000)).toBe(`${first.text} ${second.text}`);
  });
});

describe('a listener', () => {
  const listen = (timing = { finalMs: 100, silenceMs: 0 }) => {
    const finals: Transcript[] = [];
    const interims: string[] = [];
    const starts: number[] = [];
    const listener = new SpeechListener(library, 16_000, () => timing, {
      speechStarted: (atMs) => starts.push(atMs),
      interim: ({ words }) => interims.push(words.map(({ word }) => word).join(' ')),
      final: (transcript) => finals.push(transcript),
    });
    return { listener, finals, interims, starts };
  };
  const bytes = (samples: Int16Array) => Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const [first, second] = lines as [(typeof lines)[0], (typeof lines)[0]];

  it.each(lines)('counts the voiced audio of $id, in pieces of any size and whenever it comes', ({ samples }) => {
    const { listener } = listen();
    const audio = bytes(joined(new Int16Array(5_000), samples, new Int16Array(5_000)));
    for (let at = 0; at < audio.length; at += 333) listener.push(audio.subarray(at, at + 333));
    const voiced = [...new FrameAnalyser(16_000).frames(samples)].filter((frame) => frame.voiced).length * frameMs;
    expect(Math.abs(listener.voicedMs - voiced)).toBeLessThanOrEqual(50);
    listener.close();
  });

  it('gives transcripts that cover the audio without a gap, when it comes faster than real time', () => {
    const { listener, finals, interims, starts } = listen();
    const pause = new Int16Array(16_000);
    listener.push(bytes(joined(pause, first.samples, pause, second.samples, pause)));
    listener.flush();
    expect(finals.map(({ words }) => words.map(({ word }) => word).join(' '))).toEqual([first.text, second.text]);
    expect(finals[0]?.startMs).toBe(0);
    expect(finals[1]?.startMs).toBe(finals[0]?.endMs);
    expect(finals[1]?.endMs).toBe(listener.positionMs);
    expect(starts).toHaveLength(2);
    expect(interims.length).toBeGreaterThan(4);
  });

  it('ends an utterance by the clock when silence follows, and not while audio stalls', async () => {
    const { listener, finals } = listen();
    const wholeFrames = first.samples.length - (first.samples.length % 320);
    listener.push(bytes(first.samples.slice(0, wholeFrames)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(finals).toEqual([]);
    listener.push(bytes(new Int16Array(1_600)));
    expect(finals).toHaveLength(1);
    listener.close();
  });

  it('answers unknown speech with the notice', () => {
    const { listener, finals } = listen();
    listener.push(bytes(noise(16_000, 8_000)));
    listener.flush();
    expect(finals[0]?.words.map(({ word }) => word).join(' ')).toBe(unknownSpeechNotice);
  });
});
