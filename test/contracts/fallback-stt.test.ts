import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { initializeLogger, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { assetPath } from '../../core/assets.ts';
import type { FallbackEvent } from '../../providers/fallback/event.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackSTT } from '../../providers/fallback/stt.ts';
import { DeepgramSTT } from '../../providers/stt/deepgram.ts';
import { deepgramStandIn, loadLines } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { standbyUrl, withStandby } from './fallback-standby.ts';
import { Caller, silence, unknownSpeech } from './stt-caller.ts';
import { describeSttContract } from './stt-suite.ts';

const adapter = (baseUrl: string, connectTimeoutMs?: number) =>
  new DeepgramSTT({ apiKey: 'a-key', baseUrl, connectTimeoutMs, model: 'nova-3', language: 'multi' });
const keyTermsOf = (query: string) => new URLSearchParams(query).getAll('keyterm');

describeSttContract('FallbackSTT over one member', {
  vendor: 'deepgram',
  standIn: deepgramStandIn,
  create: ({ baseUrl, connectTimeoutMs }) =>
    new FallbackSTT({
      members: [{ key: 'stt:one', stt: adapter(baseUrl, connectTimeoutMs) }],
      health: new VendorHealth(),
      keepTrying: false,
    }),
  keyTermsOf,
});

describeSttContract('FallbackSTT over two members that fail together', {
  vendor: 'deepgram',
  standIn: (lines) => withStandby(deepgramStandIn(lines)),
  create: ({ baseUrl, connectTimeoutMs }) =>
    new FallbackSTT({
      members: [
        { key: 'stt:one', stt: adapter(baseUrl, connectTimeoutMs) },
        { key: 'stt:two', stt: adapter(standbyUrl(baseUrl), connectTimeoutMs) },
      ],
      health: new VendorHealth(),
      keepTrying: false,
    }),
  keyTermsOf,
});

describe('FallbackSTT', async () => {
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  const factory = deepgramStandIn(lines);
  const line = (id: string) => {
    const found = lines.find((candidate) => candidate.id === id);
    if (!found) throw new Error(`no line ${id}`);
    return found;
  };
  const keys = ['stt:one', 'stt:two', 'stt:three'];
  const patience = { timeout: 12_000, interval: 20 };
  let sandboxes: Sandbox[];
  let health: VendorHealth;
  let falls: FallbackEvent[];
  let errors: Parameters<stt.STTCallbacks['error']>[0][];
  let recogniser: FallbackSTT;
  let mute: WebSocketServer | undefined;

  const sandbox = (index: number) => sandboxes[index] as Sandbox;
  const seen = (index: number, event: string) => sandbox(index).log.events({ event });
  const create = (urls = sandboxes.map(({ url }) => url), more: { stallTimeoutMs?: number } = {}) => {
    recogniser = new FallbackSTT({
      members: urls.map((url, index) => ({ key: keys[index] as string, stt: adapter(url) })),
      health,
      connectTimeoutMs: 500,
      onFallback: (event) => falls.push(event),
      ...more,
    });
    recogniser.on('error', (error) => errors.push(error));
    return new Caller(recogniser);
  };
  /** A server that takes connections and audio, and never says a word. */
  const startMute = async () => {
    mute = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(mute, 'listening');
    return `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
  };
  const order = (caller: Caller) =>
    caller.events
      .map(({ type }) => type)
      .filter((type) => type === stt.SpeechEventType.START_OF_SPEECH || type === stt.SpeechEventType.END_OF_SPEECH);
  const turn = [stt.SpeechEventType.START_OF_SPEECH, stt.SpeechEventType.END_OF_SPEECH];

  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'silent' });
    sandboxes = await Promise.all(keys.map(() => startSandbox([factory])));
    health = new VendorHealth({ firstPauseMs: 300, refusedPauseMs: 300 });
    [falls, errors, mute] = [[], [], undefined];
  });

  afterEach(async () => {
    health.close();
    await recogniser.close();
    for (const client of mute?.clients ?? []) client.terminate();
    mute?.close();
    for (const index of [0, 1, 2]) {
      await vi.waitFor(
        () => expect(seen(index, 'connection-closed')).toHaveLength(seen(index, 'connection-opened').length),
        patience,
      );
    }
    await Promise.all(sandboxes.map((each) => each.close()));
    for (const index of [0, 1, 2]) expect(seen(index, 'unexpected-request')).toEqual([]);
  });

  it.each([
    ['refuse', 'refused'],
    ['rate-limit', 'error'],
    ['overload', 'error'],
    ['hang', 'timeout'],
  ] as const)('has the next one listen where one meets %s', async (mode, reason) => {
    health.close();
    sandbox(0).settings.setFailure('deepgram', { mode });
    sandbox(1).settings.setFailure('deepgram', { mode });
    const caller = create();
    const said = [line('en-name'), line('en-goal')];
    for (const { samples } of said) caller.say(samples);
    await vi.waitFor(() => expect(caller.finals).toEqual(said.map(({ text }) => text)), patience);
    expect(falls).toMatchObject([
      { port: 'stt', from: keys[0], to: keys[1], reason },
      { port: 'stt', from: keys[1], to: keys[2], reason },
    ]);
    expect(keys.map((key) => health.isWell(key))).toEqual([false, false, true]);
    expect(errors).toEqual([]);
    if (mode === 'hang') {
      await vi.waitFor(() => expect(seen(0, 'hung-connection-closed')).toHaveLength(1), patience);
    }
  });

  it('loses and doubles no word where one after the other dies in the middle of an utterance', async () => {
    health.close();
    const [first, second, third] = [line('en-name'), line('en-reminder'), line('en-goal')];
    const caller = create();
    caller.say(first.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
    const cut = (share: number) => Math.floor(second.samples.length * share);
    caller.push(second.samples.slice(0, cut(0.4)));
    await vi.waitFor(() => expect(seen(0, 'speech-started')).toHaveLength(2), patience);
    await sandbox(0).close();
    await vi.waitFor(() => expect(seen(1, 'speech-started')).toHaveLength(1), patience);
    caller.push(second.samples.slice(cut(0.4), cut(0.7)));
    await sandbox(1).close();
    await vi.waitFor(() => expect(seen(2, 'speech-started')).toHaveLength(1), patience);
    caller.say(second.samples.slice(cut(0.7)));
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
    caller.say(third.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text, third.text]), patience);
    const startSeconds = first.samples.length / 16_000 + 0.6;
    const heard = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[1]?.alternatives?.[0];
    expect(Math.abs((heard?.startTime ?? 0) - startSeconds)).toBeLessThan(0.08);
    await vi.waitFor(() => expect(order(caller)).toEqual([...turn, ...turn, ...turn]), patience);
    expect(falls.map(({ from, to, reason }) => [from, to, reason])).toEqual([
      [keys[0], keys[1], 'error'],
      [keys[1], keys[2], 'error'],
    ]);
    expect(recogniser.provider).toBe('deepgram');
    expect(errors).toEqual([]);
  });

  it('takes what was flushed, and the end of the input, to the next one', async () => {
    sandbox(1).settings.delays = { ...sandbox(1).settings.delays, sttFinalMs: 60_000 };
    sandbox(0).settings.setFailure('deepgram', { mode: 'hang' });
    const caller = create();
    const [first, second] = [line('en-name'), line('en-goal')];
    caller.push(first.samples);
    caller.stream.flush();
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
    await recogniser.close();

    const another = create();
    another.push(second.samples);
    another.stream.endInput();
    await another.ended;
    expect(another.finals).toEqual([second.text]);
  });

  it('has the next one listen where one hears nobody, and only then blames it', async () => {
    const caller = create([await startMute(), sandbox(1).url], { stallTimeoutMs: 600 });
    const spoken = line('en-weather');
    caller.say(spoken.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'stall' }]);
    expect(health.isWell('stt:one')).toBe(false);
    await vi.waitFor(() => expect(mute?.clients.size).toBe(0), patience);
    await vi.waitFor(() => expect(order(caller)).toEqual(turn), patience);
  });

  it('takes a sound that none of them makes words of for no speech, and a cough for nothing', async () => {
    const url = await startMute();
    const caller = create([url, url], { stallTimeoutMs: 300 });
    caller.push(unknownSpeech(200));
    caller.push(silence(600));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(falls).toEqual([]);
    caller.push(unknownSpeech(1_500));
    await vi.waitFor(() => expect(falls).toHaveLength(1), patience);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'stall' }]);
    expect(health.order(keys)).toEqual(keys);
    expect(caller.events).toEqual([]);
  });

  it('returns between utterances to one that is well again', async () => {
    sandbox(0).settings.setFailure('deepgram', { mode: 'overload' });
    const caller = create();
    const [first, second, third] = [line('en-name'), line('en-goal'), line('en-set-up')];
    caller.say(first.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
    const half = Math.floor(second.samples.length / 2);
    caller.push(second.samples.slice(0, half));
    sandbox(0).settings.setFailure('deepgram', null);
    await vi.waitFor(() => expect(health.isWell('stt:one')).toBe(true), patience);
    caller.say(second.samples.slice(half));
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
    await vi.waitFor(() => expect(order(caller)).toEqual([...turn, ...turn]), patience);
    caller.push(silence(200));
    await vi.waitFor(() => expect(seen(1, 'connection-closed')).toHaveLength(1), patience);
    caller.say(third.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text, third.text]), patience);
    const heardBy = (index: number) => seen(index, 'final-sent').filter(({ words }) => Number(words) > 0).length;
    expect([0, 1, 2].map(heardBy)).toEqual([1, 2, 0]);
    const heard = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[2]?.alternatives?.[0];
    const startSeconds = (first.samples.length + second.samples.length) / 16_000 + 1.4;
    expect(Math.abs((heard?.startTime ?? 0) - startSeconds)).toBeLessThan(0.08);
    expect(falls).toHaveLength(1);
  });

  it('outlives an outage of all of them, tells of it, and loses no word', async () => {
    for (const { settings } of sandboxes) settings.setFailure('deepgram', { mode: 'refuse' });
    const caller = create();
    const spoken = line('en-remember');
    caller.say(spoken.samples);
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(1), patience);
    for (const { recoverable } of errors) expect(recoverable).toBe(true);
    expect(falls).toMatchObject([
      { to: keys[1] },
      { to: keys[2] },
      { from: keys[2], to: null, reason: 'refused' },
      ...falls.slice(3),
    ]);
    sandbox(2).settings.setFailure('deepgram', null);
    await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);
  });

  it('sends key terms to whichever is listening', async () => {
    sandbox(0).settings.setFailure('deepgram', { mode: 'overload' });
    const caller = create();
    recogniser._updateSessionKeyterms(['mesio occlusaal', 'Robin']);
    caller.say(line('en-name').samples);
    await vi.waitFor(() => expect(caller.finals).toHaveLength(1), patience);
    expect(keyTermsOf(String(seen(1, 'connection-opened').at(-1)?.query))).toEqual(['mesio occlusaal', 'Robin']);
  });

  it('promises what all of its members can', async () => {
    create();
    expect(recogniser.capabilities).toMatchObject({ interimResults: true, alignedTranscript: 'word', keyterms: true });
    const plain = adapter(sandbox(0).url);
    Object.defineProperty(plain, 'capabilities', {
      value: { streaming: true, interimResults: false, keyterms: false },
    });
    const mixed = new FallbackSTT({
      members: [
        { key: 'stt:one', stt: adapter(sandbox(0).url) },
        { key: 'stt:two', stt: plain },
      ],
      health,
    });
    expect(mixed.capabilities).toMatchObject({ interimResults: false, alignedTranscript: false, keyterms: true });
    await mixed.close();
  });
});
