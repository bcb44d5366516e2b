import { describe, expect, it } from 'vitest';
import {
  speak,
  syntheticMsPerCharacter,
  type VoiceEngine,
  voicedMs,
  voicedRms,
  voiceEngine,
} from '../../sandbox/voice.ts';

const text = 'Goedemorgen, hoe kan ik u helpen?';

function peak(samples: Int16Array): number {
  return samples.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0);
}

const engines: VoiceEngine[] = ['synthetic', 'espeak-ng'];

describe.each(engines)('voice %s', (engine) => {
  const isMissing = engine === 'espeak-ng' && voiceEngine !== 'espeak-ng';
  const needed = isMissing ? it.skip.bind(undefined) : it;
  const because = isMissing ? ' (skipped: espeak-ng is not installed)' : '';

  needed(`is audible, does not clip and has no silence at its ends${because}`, async () => {
    const samples = await speak(text, { language: 'nl', sampleRateHz: 24_000, engine });
    expect(peak(samples)).toBeGreaterThan(3_000);
    expect(peak(samples)).toBeLessThan(32_767);
    expect(Math.abs(samples[0] ?? 0)).toBeGreaterThan(100);
    expect(Math.abs(samples.at(-1) ?? 0)).toBeGreaterThan(100);
    const durationMs = samples.length / 24;
    expect(voicedMs(samples, 24_000)).toBeGreaterThan(durationMs / 2);
    expect(voicedMs(samples, 24_000)).toBeLessThanOrEqual(durationMs);
  });

  needed(`has the same length at every sample rate, and a longer one for more text${because}`, async () => {
    const at = async (spoken: string, sampleRateHz: number) =>
      (await speak(spoken, { language: 'nl', sampleRateHz, engine })).length / sampleRateHz;
    const seconds = await at(text, 24_000);
    for (const sampleRateHz of [8_000, 16_000, 44_100]) expect(await at(text, sampleRateHz)).toBeCloseTo(seconds, 1);
    expect(await at(`${text} ${text}`, 24_000)).toBeGreaterThan(1.5 * seconds);
  });

  needed(`says nothing for a text without a word${because}`, async () => {
    expect(await speak(' … !', { sampleRateHz: 24_000, engine })).toHaveLength(0);
  });
});

describe('voice', () => {
  it('takes 65 ms a character when it is synthetic', async () => {
    const samples = await speak('aaaaaaaaaa', { sampleRateHz: 16_000, engine: 'synthetic' });
    expect((samples.length / 16_000) * 1000).toBeCloseTo(10 * syntheticMsPerCharacter, -1);
  });

  it('remembers what it said', async () => {
    const options = { language: 'nl', sampleRateHz: 16_000 };
    expect(await speak(text, options)).toBe(await speak(text, options));
  });

  it('speaks languages differently, and one it does not know as English', async ({ skip }) => {
    if (voiceEngine !== 'espeak-ng') skip('espeak-ng is not installed');
    const dutch = await speak(text, { language: 'nl-NL', sampleRateHz: 16_000 });
    const english = await speak(text, { language: 'en', sampleRateHz: 16_000 });
    expect(dutch).not.toEqual(english);
    expect(await speak(text, { sampleRateHz: 16_000 })).toEqual(dutch);
    expect(await speak(text, { language: 'xx', sampleRateHz: 16_000 })).toEqual(english);
  });

  it('leaves the event loop free while espeak-ng speaks', async ({ skip }) => {
    if (voiceEngine !== 'espeak-ng') skip('espeak-ng is not installed');
    let isSpoken = false;
    const speaking = speak('Wij zijn op maandag gesloten.', { sampleRateHz: 24_000 }).then(() => {
      isSpoken = true;
    });
    let turns = 0;
    while (!isSpoken) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      turns += 1;
    }
    await speaking;
    expect(turns).toBeGreaterThan(1);
  });

  it('counts frames above the threshold as voiced', () => {
    const samples = new Int16Array(16_000).fill(voicedRms * 32_768 - 1);
    expect(voicedMs(samples, 16_000)).toBe(0);
    expect(voicedMs(samples.fill(voicedRms * 32_768 + 1, 0, 8_000), 16_000)).toBe(500);
  });
});
