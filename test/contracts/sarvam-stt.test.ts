import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { APIConnectionError, APIStatusError, initializeLogger, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { assetPath } from '../../core/assets.ts';
import { SarvamSTT } from '../../providers/stt/sarvam.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { sarvamStandIn } from '../../sandbox/sarvam.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { Caller, silence } from './stt-caller.ts';
import { describeSttContract } from './stt-suite.ts';

describeSttContract('Sarvam', {
  vendor: 'sarvam',
  standIn: sarvamStandIn,
  create: ({ baseUrl, ...settings }) =>
    new SarvamSTT({ apiKey: 'a-key', baseUrl: `${baseUrl}/sarvam`, model: 'saaras:v3', ...settings }),
  lacks: {
    interims: 'its streaming interface gives one final transcript an utterance',
    wordTimes: 'its streaming interface gives no times',
    keyTerms: 'its streaming interface documents no prompt',
  },
  // It knows no Dutch, and would not say so.
  languageOf: (language) => (language === 'en' ? 'en-IN' : 'und'),
  refusedStatus: 403,
});

describeProbeContract('Sarvam', {
  vendor: 'sarvam',
  standIn: sarvamStandIn([]),
  refusedStatus: 403,
  create: (url) => new SarvamSTT({ apiKey: 'a-key', baseUrl: `${url}/sarvam`, model: 'saaras:v3' }),
});

const patience = { timeout: 8_000, interval: 20 };
initializeLogger({ pretty: false, level: 'error' });

describe('Sarvam adapter', () => {
  let sandbox: Sandbox;
  let adapter: SarvamSTT;
  beforeEach(async () => {
    sandbox = await startSandbox([sarvamStandIn(await loadLines(assetPath('sandbox', 'lines')))]);
    adapter = new SarvamSTT({ ...options(), language: 'hi-IN' });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await adapter.close();
    await sandbox.close();
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });
  const options = () => ({ apiKey: 'a-key', baseUrl: `${sandbox.url}/sarvam`, model: 'saaras:v3' });
  const logged = (event: string) => sandbox.log.events({ event });

  it('asks for the language it was told, and takes a ws: base URL', async () => {
    adapter = new SarvamSTT({
      ...options(),
      baseUrl: `${sandbox.url.replace('http', 'ws')}/sarvam/`,
      language: 'en-IN',
    });
    const [line] = await loadLines(assetPath('sandbox', 'lines'));
    const caller = new Caller(adapter);
    caller.say(line?.samples ?? silence(0));
    await vi.waitFor(() => expect(caller.finals).toHaveLength(1), patience);
    expect(new URLSearchParams(String(logged('connection-opened')[0]?.query)).get('language-code')).toBe('en-IN');
    const [final] = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT);
    expect(final?.alternatives?.[0]).toMatchObject({ language: 'en-IN', confidence: 1 });
  });

  it('keeps a connection open while no audio flows, and counts the silence that takes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const caller = new Caller(adapter);
    await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(1), patience);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0), patience);
    vi.advanceTimersByTime(60_000);
    caller.push(silence(40));
    caller.stream.endInput();
    await caller.ended;
    const seconds = caller.events.reduce((sum, event) => sum + (event.recognitionUsage?.audioDuration ?? 0), 0);
    expect(seconds).toBeGreaterThan(0.5);
    await vi.waitFor(() => expect(logged('connection-closed')[0]?.audioMs).toBeGreaterThan(500), patience);
  });

  it('says that it only recognises streams', async () => {
    await expect(adapter.recognize([])).rejects.toThrow('use stream()');
  });
});

/** A server whose messages a test chooses. */
describe('Sarvam adapter and a vendor that', () => {
  let server: WebSocketServer;
  let adapter: SarvamSTT;
  let accepted: WebSocket;
  const received: string[] = [];
  beforeEach(async () => {
    received.length = 0;
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    server.on('connection', (socket) => {
      accepted = socket;
      socket.on('message', (data) => received.push(String(data)));
    });
    const { port } = server.address() as AddressInfo;
    adapter = new SarvamSTT({ apiKey: 'a-key', baseUrl: `http://127.0.0.1:${port}`, model: 'saaras:v3' });
  });
  afterEach(async () => {
    await adapter.close();
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  const connect = async (settings = {}) => {
    const connected = once(server, 'connection');
    const caller = new Caller(adapter, settings);
    await connected;
    caller.push(silence(1_000));
    await vi.waitFor(() => expect(received.length).toBe(50), patience);
    return caller;
  };
  const say = (type: string, data: object) => accepted.send(JSON.stringify({ type, data }));
  const signal = (type: string) => say('events', { signal_type: type });
  const transcript = (text: string) =>
    say('data', { request_id: 'r', transcript: text, metrics: { audio_duration: 0.5 } });
  const types = (caller: Caller) =>
    caller.events.map(({ type }) => type).filter((type) => type !== stt.SpeechEventType.RECOGNITION_USAGE);
  const { START_OF_SPEECH, FINAL_TRANSCRIPT, END_OF_SPEECH } = stt.SpeechEventType;

  it.each([
    ['invalid_api_key_error', 403, false],
    ['rate_limit_exceeded_error', 429, true],
    ['insufficient_quota_error', 429, false],
    ['internal_server_error', 500, true],
  ])('reports %s', async (code, statusCode, retryable) => {
    const caller = await connect({ maxRetry: 0 });
    say('error', { error: 'my name is Noor', code });
    await caller.ended;
    expect(caller.errors).toMatchObject([{ statusCode, retryable }]);
    expect(caller.errors[0]).toBeInstanceOf(APIStatusError);
    expect(String(caller.errors[0])).not.toContain('Noor');
  });

  it('reports what nobody knows, or talks nonsense', async () => {
    const caller = await connect({ maxRetry: 0 });
    accepted.send('nonsense');
    say('novelty', {});
    say('error', { error: 'my name is Noor', code: 'my name is Noor' });
    await caller.ended;
    expect(caller.errors[0]).toBeInstanceOf(APIConnectionError);
    expect(caller.errors).toMatchObject([{ retryable: true, message: 'Sarvam reported an error' }]);
  });

  it('is late with a transcript: speech goes on until the last one came', async () => {
    const caller = await connect();
    for (const type of ['START_SPEECH', 'END_SPEECH', 'START_SPEECH']) signal(type);
    transcript('one');
    await vi.waitFor(() => expect(caller.finals).toEqual(['one']), patience);
    expect(types(caller)).toEqual([START_OF_SPEECH, FINAL_TRANSCRIPT]);
    signal('END_SPEECH');
    transcript('two');
    await vi.waitFor(() => expect(types(caller)).toHaveLength(4), patience);
    expect(types(caller).slice(2)).toEqual([FINAL_TRANSCRIPT, END_OF_SPEECH]);
  });

  it('never gives a transcript of what it heard', async () => {
    const caller = await connect();
    signal('START_SPEECH');
    signal('END_SPEECH');
    await vi.waitFor(() => expect(types(caller)).toEqual([START_OF_SPEECH, END_OF_SPEECH]), patience);
    caller.stream.endInput();
    await caller.ended;
    expect(caller.errors).toEqual([]);
  });

  it('signals nothing: a transcript is speech all the same', async () => {
    const caller = await connect();
    transcript('one');
    await vi.waitFor(() => expect(types(caller)).toHaveLength(3), patience);
    expect(types(caller)).toEqual([START_OF_SPEECH, FINAL_TRANSCRIPT, END_OF_SPEECH]);
  });
});

describe('Sarvam recogniser stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([sarvamStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const query = { 'language-code': 'en-IN', model: 'saaras:v3', input_audio_codec: 'pcm_s16le', sample_rate: '16000' };
  const key = { 'api-subscription-key': 'a-key' };
  const connect = (
    parameters: Record<string, string>,
    headers: Record<string, string> = key,
    path = 'speech-to-text',
  ) => {
    const url = `${sandbox.url.replace('http', 'ws')}/sarvam/${path}/ws?${new URLSearchParams(parameters)}`;
    const socket = new WebSocket(url, { headers });
    const messages: unknown[] = [];
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    return { socket, messages, outcome };
  };

  it.each([
    ['no key', query, {}, 403],
    ['no language', { ...query, 'language-code': '' }, key, 400],
    ['Dutch', { ...query, 'language-code': 'nl-NL' }, key, 400],
    ['an unknown model', { ...query, model: 'whisper' }, key, 400],
    ['another sample rate', { ...query, sample_rate: '24000' }, key, 400],
  ])('refuses %s', async (_, parameters, headers, status) => {
    const { outcome } = connect(parameters, headers);
    expect(await outcome).toBe(`Unexpected server response: ${status}`);
  });

  it('takes the key as a sub-protocol, and knows no other paths', async () => {
    const protocol = { 'sec-websocket-protocol': 'api-subscription-key.a-key' };
    expect(await connect(query, protocol).outcome).not.toContain('403');
    expect(await connect(query, key, 'speech').outcome).toContain('404');
  });

  it('refuses a message it does not know, and logs it', async () => {
    const { socket, messages, outcome } = connect(query);
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'config', prompt: 'Robin' }));
    const error = { type: 'error', data: { code: 'invalid_request_error' } };
    await vi.waitFor(() => expect(messages).toMatchObject([error]), patience);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
    socket.terminate();
  });
});
