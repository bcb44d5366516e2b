import { APIStatusError, initializeLogger, mergeFrames, type tts } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FallbackEvent } from '../../providers/fallback/event.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackTTS } from '../../providers/fallback/tts.ts';
import { MemberAudio } from '../../providers/fallback/tts-audio.ts';
import { CartesiaTTS } from '../../providers/tts/cartesia.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { voicedMs } from '../../sandbox/voice.ts';
import { connOptions, durationMs, hear, speaking, sum } from './tts-caller.ts';

const voiceId = 'f786b574-daa5-4673-aa0c-cbe3e8534c02';
const adapter = (baseUrl: string, more: Partial<ConstructorParameters<typeof CartesiaTTS>[0]> = {}) =>
  new CartesiaTTS({ apiKey: 'sandbox', model: 'sonic-3', voiceId, language: 'nl', baseUrl, ...more });

describe('FallbackTTS', () => {
  const keys = ['tts:one', 'tts:two', 'tts:three'];
  const sampleRates = [24_000, 16_000, 24_000] as const;
  const patience = { timeout: 8_000, interval: 20 };
  const sentences = [
    'Goedemorgen, waarmee kan ik u helpen? ',
    'Dinsdag om half tien is er nog plaats. ',
    'Woensdag kan het de hele middag, als u dat beter schikt. ',
    'Zegt u maar wat u het liefste wilt.',
  ];
  const text = sentences.join('');
  let sandboxes: Sandbox[];
  let health: VendorHealth;
  let falls: FallbackEvent[];
  let errors: Parameters<tts.TTSCallbacks['error']>[0][];
  let measured: Parameters<tts.TTSCallbacks['metrics_collected']>[0][];
  let voice: FallbackTTS;

  const sandbox = (index: number) => sandboxes[index] as Sandbox;
  const seen = (index: number, event: string) => sandbox(index).log.events({ event });
  const said = (index: number) => seen(index, 'context-completed').map(({ transcript }) => String(transcript));
  const create = (more: Partial<ConstructorParameters<typeof FallbackTTS>[0]> = {}) => {
    voice = new FallbackTTS({
      members: sandboxes.map(({ url }, index) => ({
        key: keys[index] as string,
        tts: adapter(url, { sampleRateHz: sampleRates[index], model: `sonic-${index + 1}` }),
      })),
      health,
      onFallback: (event) => falls.push(event),
      ...more,
    });
    voice.on('error', (error) => errors.push(error));
    voice.on('metrics_collected', (metrics) => measured.push(metrics));
  };
  const say = (...texts: string[]) => speaking(voice, texts, 0);

  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'silent' });
    sandboxes = await Promise.all(keys.map(() => startSandbox([cartesiaStandIn])));
    health = new VendorHealth({ firstPauseMs: 300, refusedPauseMs: 300 });
    [falls, errors, measured] = [[], [], []];
    create();
  });

  afterEach(async () => {
    health.close();
    await voice.close();
    await Promise.all(sandboxes.map((each) => each.close()));
    for (const index of [0, 1, 2]) expect(seen(index, 'unexpected-request')).toEqual([]);
  });

  it.each([
    ['refuse', 'refused'],
    ['rate-limit', 'error'],
    ['overload', 'error'],
    ['hang', 'timeout'],
  ] as const)('has the next one speak where one meets %s, in the next turns at once', async (mode, reason) => {
    health.close();
    await voice.close();
    create({ firstAudioTimeoutMs: 600 });
    for (const index of [0, 1]) sandbox(index).settings.setFailure('cartesia', { mode });
    for (const sentence of sentences.slice(0, 3)) {
      const heard = await hear(say(sentence));
      expect(heard.ends).toBe(1);
      expect(heard.audio.at(-1)?.final).toBe(true);
    }
    expect(said(2)).toEqual(sentences.slice(0, 3));
    expect(falls).toMatchObject([
      { port: 'tts', from: keys[0], to: keys[1], reason },
      { port: 'tts', from: keys[1], to: keys[2], reason },
    ]);
    expect(keys.map((key) => health.isWell(key))).toEqual([false, false, true]);
    expect(voice.model).toBe('sonic-3');
    expect(errors).toEqual([]);
  });

  it('has the next one speak where one is late, at its own sample rate, and cancels the late one', async () => {
    await voice.close();
    create({ firstAudioTimeoutMs: 400 });
    sandbox(0).settings.delays.ttsFirstAudioMs = 20_000;
    const heard = await hear(say(...sentences));
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'timeout' }]);
    await vi.waitFor(() => expect(seen(0, 'context-cancelled')).toHaveLength(1), patience);
    const startedAtMs = Number(seen(0, 'context-started')[0]?.atMs);
    expect(Number(seen(0, 'context-cancelled')[0]?.atMs) - startedAtMs).toBeLessThanOrEqual(600);
    expect(said(1)).toEqual([text]);
    expect(new Set(heard.audio.map(({ frame }) => frame.sampleRate))).toEqual(new Set([24_000]));
    expect(durationMs(heard) / sum(seen(1, 'context-completed'), 'audioMs')).toBeCloseTo(1, 1);
    const { data } = mergeFrames(heard.audio.map(({ frame }) => frame));
    expect(voicedMs(data, 24_000)).toBeGreaterThan(0.8 * sum(seen(1, 'context-completed'), 'voicedMs'));
    expect(heard.audio.filter(({ final }) => final)).toHaveLength(1);
    expect(heard.audio.at(-1)?.final).toBe(true);
  });

  it('goes on with the words that were not spoken, however often one is cut off', async () => {
    for (const index of [0, 1]) {
      sandbox(index).settings.setFailure('cartesia', { mode: 'close', afterMs: 800 });
    }
    const heard = await hear(say(...sentences));
    expect(falls.map(({ from, to, reason }) => [from, to, reason])).toEqual([
      [keys[0], keys[1], 'error'],
      [keys[1], keys[2], 'error'],
    ]);
    const [rest = ''] = said(2);
    expect(text.endsWith(rest)).toBe(true);
    expect(rest).not.toBe(text);
    expect(text.slice(0, -rest.length)).toMatch(/\s$/);
    expect(heard.audio.at(-1)?.final).toBe(true);
    expect(new Set(heard.audio.map(({ segmentId }) => segmentId)).size).toBe(1);
    // What one voice says takes about as long whoever says which part.
    await voice.close();
    create();
    sandbox(0).settings.setFailure('cartesia', null);
    health.succeeded('tts:one');
    const whole = await hear(say(...sentences));
    expect(durationMs(heard) / durationMs(whole)).toBeGreaterThan(0.85);
    expect(durationMs(heard) / durationMs(whole)).toBeLessThan(1.2);
    expect(errors).toEqual([]);
  });

  it('goes on where a voice falls silent, once what it gave has been played', async () => {
    await voice.close();
    create({ stallTimeoutMs: 500 });
    sandbox(0).settings.setFailure('cartesia', { mode: 'slow', factor: 60 });
    sandbox(0).settings.delays.ttsFirstAudioMs = 1;
    const heard = await hear(say(...sentences.slice(0, 2)));
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'stall' }]);
    const [rest = ''] = said(1);
    expect(sentences.slice(0, 2).join('').endsWith(rest)).toBe(true);
    await vi.waitFor(() => expect(seen(0, 'context-cancelled')).toHaveLength(1), patience);
    expect(heard.ends).toBe(1);
  });

  it('waits for text that is yet to come without blaming anybody', async () => {
    await voice.close();
    create({ stallTimeoutMs: 300, firstAudioTimeoutMs: 1_000 });
    const stream = voice.stream({ connOptions });
    const hearing = hear(stream);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    stream.pushText('Goedemorgen. Een ');
    await vi.waitFor(() => expect(seen(0, 'context-completed')).toHaveLength(1), patience);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    stream.pushText('ogenblik graag.');
    stream.endInput();
    expect((await hearing).ends).toBe(1);
    expect(said(0).join('')).toBe('Goedemorgen. Een ogenblik graag.');
    expect(falls).toEqual([]);
  });

  it('synthesizes a whole text, of whichever voice is there', async () => {
    sandbox(0).settings.setFailure('cartesia', { mode: 'overload' });
    const heard = await hear(voice.synthesize(text, connOptions));
    expect(said(1)).toEqual([text]);
    expect(heard.audio.at(-1)?.final).toBe(true);
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'error' }]);
  });

  it('begins each segment with the preferred voice that is well, which costs nothing to find out', async () => {
    sandbox(0).settings.setFailure('cartesia', { mode: 'overload' });
    await hear(say(sentences[0] as string));
    sandbox(0).settings.setFailure('cartesia', null);
    await vi.waitFor(() => expect(health.isWell('tts:one')).toBe(true), patience);
    expect(seen(0, 'context-started')).toEqual([]);
    await hear(say(sentences[1] as string));
    expect(said(0)).toEqual([sentences[1]]);
    expect(voice.model).toBe('sonic-1');
    expect(falls).toHaveLength(1);
    await vi.waitFor(() => expect(measured.filter(({ cancelled }) => !cancelled)).toHaveLength(2), patience);
  });

  it('connects the first two ahead', async () => {
    voice.prewarm();
    for (const index of [0, 1]) {
      await vi.waitFor(() => expect(seen(index, 'connection-opened')).toHaveLength(1), patience);
    }
    expect(seen(2, 'connection-opened')).toEqual([]);
  });

  it('fails once when nobody speaks', async () => {
    for (const { settings } of sandboxes) settings.setFailure('cartesia', { mode: 'overload' });
    expect((await hear(say(text))).audio).toEqual([]);
    expect(falls.map(({ to }) => to)).toEqual([keys[1], keys[2], null]);
    expect(errors).toMatchObject([{ recoverable: false, error: { statusCode: 503, retryable: true } }]);
    expect(errors[0]?.error).toBeInstanceOf(APIStatusError);
  });

  it('cuts silence before the first sound, and takes silence for no sound', () => {
    const frame = (samples: number[]) => new AudioFrame(Int16Array.from(samples), 24_000, 1, samples.length);
    const silence = Array.from({ length: 2_400 }, () => 3);
    const tone = Array.from({ length: 2_400 }, (_, n) => 8_000 * Math.sin(n / 5));
    const audio = new MemberAudio(24_000, 24_000);
    expect(audio.write(frame(silence))).toEqual([]);
    expect(audio.hasSound).toBe(false);
    const [first] = audio.write(frame([...silence, ...tone]));
    expect((first?.samplesPerChannel ?? 0) - tone.length).toBeLessThanOrEqual(481);
    expect(audio.write(frame(silence))[0]?.samplesPerChannel).toBe(2_400);
    expect(audio.silentSeconds).toBeCloseTo(0.1, 5);
  });
});
