import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { APIStatusError, APITimeoutError, initializeLogger, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { OpenAISTT } from '../../providers/stt/openai.ts';
import { openaiRealtimeStandIn } from '../../sandbox/openai-realtime-socket.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { Caller, silence } from './stt-caller.ts';
import { describeSttContract } from './stt-suite.ts';

const model = 'gpt-4o-mini-transcribe';
const patience = { timeout: 8_000, interval: 20 };

describeSttContract('OpenAI', {
  vendor: 'openai',
  standIn: openaiRealtimeStandIn,
  create: ({ baseUrl, ...settings }) =>
    new OpenAISTT({ apiKey: 'a-key', model, baseUrl: `${baseUrl}/openai/v1`, ...settings }),
  keyTermsOf: (prompt) => prompt.split(', '),
  keyTermsEvent: 'session-configured',
  takesKeyTermsInPlace: true,
  lacks: { wordTimes: 'its transcripts have none', earlyInterims: 'it writes when the speech is over' },
  languageOf: () => 'und',
});

describeProbeContract('OpenAISTT', {
  vendor: 'openai',
  standIn: openaiRealtimeStandIn([]),
  create: (baseUrl) => new OpenAISTT({ apiKey: 'a-key', model, baseUrl: `${baseUrl}/openai/v1` }),
});

describe('OpenAI adapter', () => {
  let sandbox: Sandbox;
  let adapters: OpenAISTT[];
  beforeEach(async () => {
    adapters = [];
    sandbox = await startSandbox([openaiRealtimeStandIn([])]);
  });
  afterEach(async () => {
    await Promise.all(adapters.map((adapter) => adapter.close()));
    await sandbox.close();
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });
  const adapter = (settings: Partial<ConstructorParameters<typeof OpenAISTT>[0]>) => {
    const made = new OpenAISTT({ apiKey: 'a-key', model, baseUrl: `${sandbox.url}/openai/v1`, ...settings });
    adapters.push(made);
    return made;
  };
  const configured = async (count: number) => {
    const events = () => sandbox.log.events({ event: 'session-configured' });
    await vi.waitFor(() => expect(events()).toHaveLength(count), patience);
    return events().at(-1)?.transcription;
  };

  it('takes a ws: base URL, and a language without its region', async () => {
    adapter({ baseUrl: `${sandbox.url.replace('http:', 'ws:')}/openai/v1/`, language: 'nl-NL' }).stream();
    expect(await configured(1)).toEqual({ model, language: 'nl', prompt: '' });
  });

  it('sends as many key terms as the model heeds, and none to one that takes none', async () => {
    const keyTerms = Array.from({ length: 300 }, (_, index) => `vakterm ${index}`);
    const promptOf = async (name: string, count: number) => {
      const made = adapter({ model: name });
      made._updateSessionKeyterms(keyTerms);
      made.stream();
      return ((await configured(count)) as { prompt?: string }).prompt;
    };
    const prompt = String(await promptOf(model, 1));
    expect(prompt.length).toBeLessThanOrEqual(1_024);
    expect(prompt.split(', ')).toEqual(keyTerms.slice(0, prompt.split(', ').length));
    expect(String(await promptOf('whisper-1', 2)).length).toBeLessThanOrEqual(600);
    expect(await promptOf('gpt-4o-transcribe-diarize', 3)).toBeUndefined();
  });

  it('says that it only recognises streams', async () => {
    await expect(adapter({}).recognize([])).rejects.toThrow('use stream()');
  });
});

describe('OpenAI adapter and what the vendor says', () => {
  let server: WebSocketServer;
  let adapter: OpenAISTT;
  /** Those that were sent audio. */
  let sockets: WebSocket[];
  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'error' });
    sockets = [];
    server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        if (JSON.parse(String(data)).type === 'session.update') say(socket, 'session.updated', { session: {} });
        else if (!sockets.includes(socket)) sockets.push(socket);
      });
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    adapter = new OpenAISTT({ apiKey: 'a-key', model, baseUrl: `http://127.0.0.1:${port}/v1` });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await adapter.close();
    for (const socket of server.clients) socket.terminate();
    server.close();
  });

  const say = (socket: WebSocket | undefined, type: string, details: object) =>
    socket?.send(JSON.stringify({ type, event_id: 'event_1', ...details }));
  const speak = (item_id: string, from: number, to: number) => {
    say(sockets.at(-1), 'input_audio_buffer.speech_started', { item_id, audio_start_ms: from });
    say(sockets.at(-1), 'input_audio_buffer.speech_stopped', { item_id, audio_end_ms: to });
    say(sockets.at(-1), 'input_audio_buffer.committed', { item_id });
  };
  const transcribe = (item_id: string, transcript: string) =>
    say(sockets.at(-1), 'conversation.item.input_audio_transcription.completed', { item_id, transcript });
  const connected = (count: number) => vi.waitFor(() => expect(sockets).toHaveLength(count), patience);
  const settle = async (caller: Caller, seconds: number) => {
    caller.push(silence(seconds * 1_000));
    await vi.waitFor(() => expect(sockets).not.toEqual([]), patience);
  };

  it('gives transcripts in the order of the speech, with its times, whichever comes first', async () => {
    const caller = new Caller(adapter);
    await settle(caller, 6);
    speak('one', 700, 2_250);
    speak('two', 3_000, 4_250);
    transcribe('two', 'and then');
    // What no speech was found in is nobody's words.
    transcribe('silence', 'Thank you.');
    transcribe('one', 'first');
    await vi.waitFor(() => expect(caller.finals).toEqual(['first', 'and then']), patience);
    const times = caller
      .of(stt.SpeechEventType.FINAL_TRANSCRIPT)
      .map(({ alternatives }) => [alternatives?.[0].startTime, alternatives?.[0].endTime]);
    expect(times).toEqual([
      [1, 2],
      [3.3, 4],
    ]);
    expect(caller.of(stt.SpeechEventType.START_OF_SPEECH)).toHaveLength(1);
    expect(caller.of(stt.SpeechEventType.END_OF_SPEECH)).toHaveLength(1);
  });

  it('opens another session when the time of one is up, and counts on', async () => {
    const caller = new Caller(adapter);
    await settle(caller, 3);
    speak('one', 0, 2_000);
    transcribe('one', 'before');
    await vi.waitFor(() => expect(caller.finals).toHaveLength(1), patience);
    say(sockets[0], 'error', { error: { type: 'invalid_request_error', code: 'session_expired', message: '' } });
    await connected(2);
    speak('two', 700, 1_000);
    transcribe('two', 'after');
    await vi.waitFor(() => expect(caller.finals).toEqual(['before', 'after']), patience);
    expect(caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[1]?.alternatives?.[0].startTime).toBeCloseTo(3, 2);
    expect(caller.errors).toEqual([]);
  });

  it('opens another session before the time of one is up, but not while somebody speaks', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const caller = new Caller(adapter);
    await settle(caller, 3);
    speak('one', 0, 2_000);
    await vi.waitFor(() => expect(caller.of(stt.SpeechEventType.START_OF_SPEECH)).toHaveLength(1), patience);
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 51 * 60_000);
    vi.advanceTimersByTime(5_000);
    transcribe('one', 'first');
    await vi.waitFor(() => expect(caller.finals).toEqual(['first']), patience);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(5_000);
    clock.mockRestore();
    caller.push(silence(100));
    await connected(2);
    expect(caller.errors).toEqual([]);
  });

  it('has speech recognised again when its transcription failed', async () => {
    const caller = new Caller(adapter);
    await settle(caller, 1);
    speak('one', 0, 900);
    const error = { type: 'server_error', code: null, message: 'secret words' };
    say(sockets[0], 'conversation.item.input_audio_transcription.failed', { item_id: 'one', error });
    await connected(2);
    speak('two', 0, 900);
    transcribe('two', 'again');
    await vi.waitFor(() => expect(caller.finals).toEqual(['again']), patience);
    expect(caller.of(stt.SpeechEventType.START_OF_SPEECH)).toHaveLength(1);
    expect(caller.errors).toEqual([]);
  });

  it.each([
    ['server_error', null, { statusCode: 500, retryable: true }],
    ['invalid_request_error', 'model_not_found', { statusCode: 404, retryable: false }],
    ['invalid_request_error', 'insufficient_quota', { statusCode: 429, retryable: false }],
  ])('ends with the error %s %s, without its message', async (type, code, expected) => {
    const caller = new Caller(adapter, { maxRetry: 0 });
    await settle(caller, 1);
    say(sockets[0], 'error', { error: { type, code, message: 'secret words' } });
    await caller.ended;
    expect(caller.errors).toHaveLength(1);
    expect(caller.errors[0]).toBeInstanceOf(APIStatusError);
    expect(caller.errors[0]).toMatchObject(expected);
    expect(String(caller.errors[0])).not.toContain('secret');
  });

  it('notices that a connection is dead', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const caller = new Caller(adapter, { maxRetry: 0 });
    await settle(caller, 1);
    const pinged = sockets[0] && once(sockets[0], 'ping');
    vi.advanceTimersByTime(10_000);
    await pinged;
    vi.advanceTimersByTime(10_000);
    await caller.ended;
    expect(caller.errors).toHaveLength(1);
    expect(caller.errors[0]).toBeInstanceOf(APITimeoutError);
  });
});

describe('OpenAI realtime stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([openaiRealtimeStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const connect = (query: string, headers: Record<string, string> = { authorization: 'Bearer a-key' }) => {
    const socket = new WebSocket(`${sandbox.url.replace('http', 'ws')}/openai/v1/realtime?${query}`, { headers });
    const messages: Record<string, unknown>[] = [];
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    return { socket, messages, outcome, closed };
  };

  it('refuses a connection without a key', async () => {
    expect(await connect('intent=transcription', {}).outcome).toBe('Unexpected server response: 401');
  });

  it('refuses a transcription that names a model in the query, and a conversation that names none', async () => {
    for (const query of [`intent=transcription&model=${model}`, '']) {
      const { messages, closed } = connect(query);
      expect(await closed).toBe(4_000);
      expect(messages).toMatchObject([{ type: 'error', error: { code: 'invalid_model' } }]);
    }
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(2);
  });

  it('answers what it does not know, and a commit without audio, with an error', async () => {
    const { socket, messages, outcome } = connect('intent=transcription');
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'response.create' }));
    socket.send(JSON.stringify({ type: 'input_audio_buffer.commit' }));
    await vi.waitFor(() => expect(messages).toHaveLength(3), patience);
    expect(messages).toMatchObject([
      { type: 'session.created', session: { type: 'transcription' } },
      { type: 'error', error: { type: 'invalid_request_error' } },
      { type: 'error', error: { code: 'input_audio_buffer_commit_empty' } },
    ]);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
    socket.terminate();
  });
});
