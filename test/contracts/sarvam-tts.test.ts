import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { SarvamTTS, type SarvamTTSOptions } from '../../providers/tts/sarvam.ts';
import { sarvamStandIn } from '../../sandbox/sarvam.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { durationMs, hear, speaking } from './tts-caller.ts';
import { describeTtsContract } from './tts-suite.ts';

const settings = { apiKey: 'a-key', model: 'bulbul:v3', voice: 'shubh', language: 'en-IN' };

describeTtsContract('SarvamTTS', {
  vendor: 'sarvam',
  standIn: sarvamStandIn([]),
  create: ({ baseUrl, ...options }) => new SarvamTTS({ ...settings, baseUrl: `${baseUrl}/sarvam`, ...options }),
  asksByPiece: true,
  refusedStatus: 403,
});

describeProbeContract('SarvamTTS', {
  vendor: 'sarvam',
  standIn: sarvamStandIn([]),
  refusedStatus: 403,
  create: (url) => new SarvamTTS({ ...settings, baseUrl: `${url}/sarvam` }),
});

const patience = { timeout: 10_000, interval: 20 };

describe('Sarvam voice', () => {
  let sandbox: Sandbox;
  let voice: SarvamTTS;
  let errors: unknown[];
  const make = (options: Partial<SarvamTTSOptions> = {}) => {
    voice = new SarvamTTS({ ...settings, baseUrl: `${sandbox.url}/sarvam`, ...options });
    errors = [];
    voice.on('error', ({ error }) => errors.push(error));
    return voice;
  };
  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'error' });
    sandbox = await startSandbox([sarvamStandIn([])]);
    make();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await voice.close();
    await vi.waitFor(
      () => expect(logged('connection-closed')).toHaveLength(logged('connection-opened').length),
      patience,
    );
    await sandbox.close();
    expect(logged('unexpected-request')).toEqual([]);
  });
  const logged = (event: string) => sandbox.log.events({ event });
  const seen = (event: string, times = 1) => vi.waitFor(() => expect(logged(event)).toHaveLength(times), patience);
  const say = (...texts: string[]) => speaking(voice, texts, 0);

  it('is warm after prewarm, and keeps its connection from turn to turn', async () => {
    voice.prewarm();
    await seen('connection-opened');
    await hear(say('Good morning. '));
    await hear(say('How are you?'));
    expect(logged('context-completed')).toHaveLength(2);
    expect(logged('connection-opened')).toHaveLength(1);
  });

  it('speaks a reply of many pieces over two connections', async () => {
    await hear(
      say('Good morning. ', 'Tuesday at half past nine is free. ', 'Would that suit you? ', 'Or rather Friday?'),
    );
    expect(logged('context-completed').length).toBeGreaterThan(2);
    expect(logged('connection-opened').length).toBeLessThanOrEqual(2);
  });

  it('closes what is interrupted, and has another connection ready', async () => {
    const stream = say('Tuesday at half past nine is free, if that suits you as well as it does us.');
    await stream.next();
    const interruptedAtMs = performance.timeOrigin + performance.now();
    stream.close();
    await seen('context-cancelled');
    expect(Number(logged('context-cancelled')[0]?.atMs) - interruptedAtMs).toBeLessThan(1_000);
    const spoken = new Set(logged('context-started').map(({ connection }) => connection));
    await vi.waitFor(() => {
      const ready = logged('connection-opened').filter(({ connection }) => !spoken.has(connection));
      expect(ready).not.toEqual([]);
    }, patience);
    expect(durationMs(await hear(say('Friday then.')))).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });

  it('opens another connection when Sarvam closed the first one between two turns', async () => {
    sandbox.settings.setFailure('sarvam', { mode: 'close', times: 1, afterMs: 2_500 });
    await hear(say('Good morning.'));
    await seen('connection-closed');
    expect(durationMs(await hear(say('How are you?')))).toBeGreaterThan(0);
    expect(logged('connection-opened')).toHaveLength(2);
    expect(errors).toEqual([]);
  });

  it('keeps an idle connection open', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    voice.prewarm();
    await seen('connection-opened');
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0), patience);
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(() => expect(logged('pinged').length).toBeGreaterThanOrEqual(2), patience);
  });

  it('speaks faster at a higher pace, at the sample rate it is asked for', async () => {
    const text = 'Tuesday at half past nine is free.';
    const plain = await hear(say(text));
    await voice.close();
    make({ pace: 2, sampleRateHz: 8_000 });
    const fast = await hear(say(text));
    expect(durationMs(plain) / durationMs(fast)).toBeCloseTo(2, 0);
    expect(new Set(fast.audio.map(({ frame }) => frame.sampleRate))).toEqual(new Set([8_000]));
  });

  it.each([
    ['a speaker of another model', { voice: 'anushka' }],
    ['a pace the model has not', { pace: 3 }],
  ])('reports %s as final', async (_, wrong) => {
    make(wrong);
    expect((await hear(say('Good morning.'))).audio).toEqual([]);
    expect(errors).toMatchObject([{ statusCode: 400, retryable: false }]);
  });
});

describe('Sarvam voice stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([sarvamStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const connect = (query: string, headers: Record<string, string> = { 'api-subscription-key': 'a-key' }) => {
    const url = `${sandbox.url.replace('http', 'ws')}/sarvam/text-to-speech/ws${query}`;
    const socket = new WebSocket(url, { headers });
    const messages: { type: string }[] = [];
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    return { socket, messages, outcome };
  };
  const config = { language_code: 'en-IN', speaker: 'shubh', output_audio_codec: 'linear16' };

  it.each([
    ['no key', '?model=bulbul:v3', {}, 403],
    ['an unknown model', '?model=sonic', undefined, 400],
  ])('refuses %s', async (_, query, headers, status) => {
    expect(await connect(query, headers).outcome).toBe(`Unexpected server response: ${status}`);
  });

  it.each([
    ['text before a configuration', [{ type: 'text', data: { text: 'Hello' } }]],
    ['Dutch', [{ type: 'config', data: { ...config, language_code: 'nl-NL' } }]],
    ['a message it does not know', [{ type: 'cancel' }]],
  ])('refuses %s, and logs it', async (_, sent) => {
    const { socket, messages, outcome } = connect('?model=bulbul:v3&send_completion_event=true');
    expect(await outcome).toBe('open');
    for (const message of sent) socket.send(JSON.stringify(message));
    await vi.waitFor(() => expect(messages).toMatchObject([{ type: 'error' }]), patience);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
    socket.terminate();
  });

  it('tells the end only where it was asked to', async () => {
    const { socket, messages, outcome } = connect('?model=bulbul:v3');
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'config', data: config }));
    socket.send(JSON.stringify({ type: 'text', data: { text: 'Hello' } }));
    socket.send(JSON.stringify({ type: 'flush' }));
    await vi.waitFor(() => expect(sandbox.log.events({ event: 'context-completed' })).toHaveLength(1), patience);
    expect(new Set(messages.map(({ type }) => type))).toEqual(new Set(['audio']));
    socket.terminate();
  });
});
