import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { assetPath } from '../../core/assets.ts';
import { DeepgramFluxSTT } from '../../providers/stt/deepgram-flux.ts';
import { deepgramStandIn, loadLines } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Line } from '../../sandbox/speech/lines.ts';
import { describeProbeContract } from './probe-suite.ts';
import { Caller, silence } from './stt-caller.ts';
import { describeSttContract } from './stt-suite.ts';

describeSttContract('Deepgram Flux', {
  vendor: 'deepgram',
  standIn: deepgramStandIn,
  // Never ends a turn by its time-out: what ends one is what the suite does.
  create: (settings) =>
    new DeepgramFluxSTT({ apiKey: 'a-key', model: 'flux-general-multi', eotTimeoutMs: 60_000, ...settings }),
  keyTermsOf: (query) => new URLSearchParams(query).getAll('keyterm'),
  takesKeyTermsInPlace: true,
});

describeProbeContract('Deepgram Flux', {
  vendor: 'deepgram',
  standIn: deepgramStandIn([]),
  create: (baseUrl) => new DeepgramFluxSTT({ apiKey: 'a-key', baseUrl, model: 'flux-general-multi' }),
});

const patience = { timeout: 8_000, interval: 20 };
const { INTERIM_TRANSCRIPT, PREFLIGHT_TRANSCRIPT, FINAL_TRANSCRIPT } = stt.SpeechEventType;

describe('Deepgram Flux adapter', async () => {
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  const line = (id: string) => lines.find((candidate) => candidate.id === id) as Line;
  let sandbox: Sandbox;
  let adapter: DeepgramFluxSTT;

  afterEach(async () => {
    await adapter.close();
    await sandbox.close();
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });

  const logged = (event: string) => sandbox.log.events({ event });
  const start = async (
    options: Partial<ConstructorParameters<typeof DeepgramFluxSTT>[0]> = {},
    standIn?: Parameters<typeof deepgramStandIn>[1],
  ) => {
    sandbox = await startSandbox([deepgramStandIn(lines, standIn)]);
    adapter = new DeepgramFluxSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'flux-general-multi', ...options });
  };

  it('gives a transcript ahead of the end, takes it back when more is said, and gives it again', async () => {
    await start({ eagerEotThreshold: 0.4, eotTimeoutMs: 60_000 });
    const [first, second] = [line('en-name'), line('en-goal')];
    const endTurnsAfter = (sttFinalMs: number) => {
      sandbox.settings.delays = { ...sandbox.settings.delays, sttFinalMs };
    };
    // The eager end comes half-way: a slow machine has the other half to put the real one off.
    endTurnsAfter(4_000);
    const caller = new Caller(adapter);
    const preflights = () => caller.texts(PREFLIGHT_TRANSCRIPT);
    caller.push(first.samples);
    caller.push(silence(200));
    await vi.waitFor(() => expect(preflights()).toEqual([first.text]), patience);
    endTurnsAfter(60_000);
    const interims = caller.of(INTERIM_TRANSCRIPT).length;
    caller.push(second.samples);
    await vi.waitFor(() => expect(caller.of(INTERIM_TRANSCRIPT).length).toBeGreaterThan(interims), patience);
    // The turn goes on with the words it had.
    expect(caller.texts(INTERIM_TRANSCRIPT)[interims]).toBe(first.text);
    endTurnsAfter(400);
    caller.push(silence(200));
    const both = `${first.text} ${second.text}`;
    await vi.waitFor(() => expect(caller.finals).toEqual([both]), patience);
    expect(preflights()).toEqual([first.text, both]);
    const order = caller.events
      .map(({ type }) => type)
      .filter((type) => type !== INTERIM_TRANSCRIPT && type !== stt.SpeechEventType.RECOGNITION_USAGE);
    expect(order).toEqual([
      stt.SpeechEventType.START_OF_SPEECH,
      PREFLIGHT_TRANSCRIPT,
      PREFLIGHT_TRANSCRIPT,
      FINAL_TRANSCRIPT,
      stt.SpeechEventType.END_OF_SPEECH,
    ]);
  });

  it('waits for the end of the turn where a flush is not known, asks once, and loses no word by it', async () => {
    await start({}, { forcedEnds: false });
    const [first, second] = [line('en-name'), line('en-goal')];
    const caller = new Caller(adapter);
    const half = Math.floor(first.samples.length / 2);
    caller.push(first.samples.slice(0, half));
    caller.stream.flush();
    await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(2), patience);
    caller.say(first.samples.slice(half));
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
    caller.push(second.samples);
    caller.stream.flush();
    caller.push(silence(600));
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
    expect(logged('forced-end-refused')).toHaveLength(1);
    expect(logged('connection-opened')).toHaveLength(2);
    expect(caller.errors).toEqual([]);
  });

  it('keeps a connection open while no audio flows', async () => {
    await start();
    adapter.stream();
    await vi.waitFor(() => expect(logged('ping-received').length).toBeGreaterThan(0), patience);
  });

  it('sends its settings, and hints only to the model that takes them', async () => {
    const settings = { eotThreshold: 0.8, eagerEotThreshold: 0.5, eotTimeoutMs: 3_000, languageHints: ['nl-NL', 'en'] };
    await start(settings);
    adapter.stream();
    await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(1), patience);
    await adapter.close();
    adapter = new DeepgramFluxSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'flux-general-en', ...settings });
    adapter.stream();
    await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(2), patience);
    const [multilingual, english] = logged('connection-opened').map(({ query }) => String(query));
    const format = 'encoding=linear16&sample_rate=16000';
    const turns = 'eot_threshold=0.8&eager_eot_threshold=0.5&eot_timeout_ms=3000';
    expect(multilingual).toBe(`model=flux-general-multi&${format}&language_hint=nl&language_hint=en&${turns}`);
    expect(english).toBe(`model=flux-general-en&${format}&${turns}`);
  });

  it('says that it only recognises streams', async () => {
    await start();
    await expect(adapter.recognize([])).rejects.toThrow('use stream()');
  });
});

describe('Deepgram Flux stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([deepgramStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const query = { model: 'flux-general-en', encoding: 'linear16', sample_rate: '16000' };
  const connect = (parameters: Record<string, string>) => {
    const url = `${sandbox.url.replace('http', 'ws')}/v2/listen?${new URLSearchParams(parameters)}`;
    const socket = new WebSocket(url, { headers: { authorization: 'Token a-key' } });
    const messages: Record<string, unknown>[] = [];
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    return { socket, messages, outcome, closed };
  };

  it.each([
    ['a model of the other endpoint', { ...query, model: 'nova-3' }],
    ['no sample rate', { model: 'flux-general-en', encoding: 'linear16' }],
    ['hints for the English model', { ...query, language_hint: 'en' }],
    ['a language it does not know', { ...query, model: 'flux-general-multi', language_hint: 'sv' }],
    ['a threshold out of range', { ...query, eot_threshold: '0.4' }],
    ['an eager threshold above the other', { ...query, eot_threshold: '0.6', eager_eot_threshold: '0.7' }],
    ['a time-out out of range', { ...query, eot_timeout_ms: '100' }],
  ])('refuses %s', async (_, parameters) => {
    expect(await connect(parameters).outcome).toBe('Unexpected server response: 400');
  });

  it('numbers its messages, confirms a configuration, refuses a bad one and closes without a code', async () => {
    const { socket, messages, outcome, closed } = connect({ ...query, keyterm: 'Noor' });
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'Configure', keyterms: ['Robin'] }));
    socket.send(JSON.stringify({ type: 'Configure', thresholds: { eot_threshold: 2 } }));
    // No turn is open: nothing to end.
    socket.send(JSON.stringify({ type: 'ForceEndTurn' }));
    socket.send(Buffer.alloc(16_000));
    socket.send(JSON.stringify({ type: 'CloseStream' }));
    expect(await closed).toBe(1005);
    expect(messages).toMatchObject([
      { type: 'Connected', sequence_id: 0 },
      { type: 'ConfigureSuccess', sequence_id: 1, keyterms: ['Robin'], thresholds: { eot_threshold: 0.7 } },
      { type: 'ConfigureFailure', sequence_id: 2 },
      { type: 'TurnInfo', event: 'Update', sequence_id: 3, transcript: '', audio_window_end: 0.5 },
    ]);
  });

  it('ends the connection over a message it does not know, and logs it', async () => {
    const { socket, messages, outcome, closed } = connect(query);
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'KeepAlive' }));
    expect(await closed).toBe(1011);
    expect(messages.at(-1)).toMatchObject({ type: 'Error', code: 'UNPARSABLE_CLIENT_MESSAGE' });
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });
});

/** A server whose messages a test chooses. */
describe('Deepgram Flux adapter and a vendor that', () => {
  let server: WebSocketServer;
  let adapter: DeepgramFluxSTT;
  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    adapter = new DeepgramFluxSTT({ apiKey: 'a-key', baseUrl, model: 'flux-general-en' });
  });
  afterEach(async () => {
    await adapter.close();
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const turn = (event: string, transcript: string, untilSeconds: number) => {
    const words = transcript.split(' ').filter(Boolean);
    return JSON.stringify({
      ...{ type: 'TurnInfo', request_id: 'r', sequence_id: 1, event, turn_index: 0, transcript },
      ...{ audio_window_start: 0, audio_window_end: untilSeconds, end_of_turn_confidence: 0.1 },
      words: words.map((word) => ({ word, confidence: 0.9 })),
    });
  };

  it.each([1000, 1005])('closes in good order (%i) unasked: that is an error worth a retry', async (code) => {
    server.on('connection', (socket) => socket.close(code === 1005 ? undefined : code));
    const caller = new Caller(adapter, { maxRetry: 0 });
    await caller.ended;
    expect(caller.errors).toMatchObject([{ name: 'APIConnectionError', retryable: true }]);
  });

  it('fails: its code is told, and nothing of what it says about it', async () => {
    const failure = { type: 'Error', sequence_id: 0, code: 'INTERNAL_SERVER_ERROR', description: 'the secret words' };
    server.on('connection', (socket) => socket.send(JSON.stringify(failure)));
    const caller = new Caller(adapter, { maxRetry: 0 });
    await caller.ended;
    expect(caller.errors).toMatchObject([
      { retryable: true, message: 'Deepgram ended the connection: INTERNAL_SERVER_ERROR' },
    ]);
  });

  it('gives words without times, which are those of the audio then', async () => {
    server.on('connection', (socket) => socket.send(turn('EndOfTurn', 'tot ziens', 1.5)));
    const caller = new Caller(adapter);
    await vi.waitFor(() => expect(caller.finals).toEqual(['tot ziens']), patience);
    expect(caller.of(FINAL_TRANSCRIPT)[0]?.alternatives?.[0]).toMatchObject({ startTime: 0, endTime: 1.5 });
  });

  it('hears no words any more in a turn that was cut off: the speech ends, without a transcript', async () => {
    server.once('connection', (first) => {
      first.send(turn('StartOfTurn', 'tot', 0.5), () => first.terminate());
      server.once('connection', (second) => second.send(turn('Update', '', 5)));
    });
    const caller = new Caller(adapter);
    await vi.waitFor(() => expect(caller.of(stt.SpeechEventType.END_OF_SPEECH)).toHaveLength(1), patience);
    expect(caller.of(stt.SpeechEventType.START_OF_SPEECH)).toHaveLength(1);
    expect(caller.finals).toEqual([]);
  });
});
