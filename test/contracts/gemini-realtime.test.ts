import type { AddressInfo } from 'node:net';
import { APIConnectionError, APIStatusError, llm } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { GeminiRealtimeModel } from '../../providers/realtime/gemini.ts';
import { geminiLiveStandIn } from '../../sandbox/gemini-live.ts';
import { RealtimeCaller } from './realtime-caller.ts';
import { describeRealtimeContract } from './realtime-suite.ts';

const endpoint = { apiKey: 'a-secret-key', model: 'gemini-3.8-live', voice: 'Kore' };

describeRealtimeContract('Gemini Live', {
  vendor: 'gemini',
  standIn: geminiLiveStandIn,
  create: ({ baseUrl, turns, ...settings }) =>
    new GeminiRealtimeModel({
      ...endpoint,
      baseUrl: `${baseUrl}/gemini`,
      ...(turns === 'manual' && { turnDetection: null }),
      ...settings,
    }),
  lacks: { truncation: 'the server forgets by itself what was not heard' },
});

/** What a client said, as far as these tests look at it. */
interface Heard {
  setup?: { systemInstruction?: { parts: { text: string }[] }; tools?: unknown; sessionResumption?: unknown };
  clientContent?: { turns?: { role: string; parts: { text: string }[] }[]; turnComplete?: boolean };
  realtimeInput?: { audio?: { data: string } };
  toolResponse?: { functionResponses: object[] };
}

describe('GeminiRealtimeModel, told by a server what the stand-in never tells', () => {
  let server: WebSocketServer;
  let model: GeminiRealtimeModel;
  /** Messages of each connection, and what to answer them with. */
  let heard: Heard[][];
  let sockets: WebSocket[];

  const patience = { timeout: 8_000, interval: 10 };
  const until = (check: () => void) => vi.waitFor(check, patience);
  const say = (message: object) => sockets.at(-1)?.send(Buffer.from(JSON.stringify(message)));
  const content = (serverContent: object) => say({ serverContent });
  const audio = { modelTurn: { role: 'model', parts: [{ inlineData: { mimeType: 'audio/pcm', data: 'AAAA' } }] } };
  const contents = () => heard.at(-1)?.flatMap(({ clientContent }) => clientContent ?? []) ?? [];
  const notes = () =>
    contents().flatMap(({ turns = [] }) => turns.flatMap(({ parts }) => parts.map(({ text }) => text)));
  const user = (words: string) => llm.ChatMessage.create({ role: 'user', content: words });
  const asked = async (caller: RealtimeCaller, words: string) => {
    await caller.add(user(words));
    const reply = caller.session.generateReply();
    await until(() => expect(contents().at(-1)?.turnComplete).toBe(true));
    return reply;
  };

  beforeEach(async () => {
    heard = [];
    sockets = [];
    server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => {
      const messages: Heard[] = [];
      heard.push(messages);
      sockets.push(socket);
      socket.on('message', (data) => {
        const message: Heard = JSON.parse(String(data));
        messages.push(message);
        if (message.setup) socket.send(Buffer.from('{"setupComplete":{}}'));
      });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    model = new GeminiRealtimeModel({ ...endpoint, baseUrl: `http://127.0.0.1:${port}`, retryIntervalMs: 50 });
  });

  afterEach(async () => {
    await model.close();
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  it('changes to another connection when the vendor is about to close this one, but not in a reply', async () => {
    const caller = new RealtimeCaller(model);
    const reply = asked(caller, 'hello');
    await until(() => expect(sockets).toHaveLength(1));
    await until(() => expect(contents().at(-1)?.turnComplete).toBe(true));
    content({ outputTranscription: { text: 'Good' } });
    await reply;
    say({ goAway: { timeLeft: '10s' } });
    content({ ...audio, outputTranscription: { text: ' morning.' } });
    content({ generationComplete: true });
    await until(() => expect(sockets).toHaveLength(2));
    await until(() => expect(caller.texts).toEqual(['Good morning.']));
    await until(() => expect(notes()).toEqual(['hello', 'Good morning.']));
    expect(contents()).toMatchObject([{ turns: [{ role: 'user' }, { role: 'model' }], turnComplete: false }]);
    expect(caller.reconnections).toBe(1);
    expect(caller.errors).toEqual([]);
  });

  it('tells other instructions to another connection, with the conversation so far', async () => {
    const caller = new RealtimeCaller(model);
    await caller.session.updateInstructions('Be kind.');
    await caller.add(user('hello'));
    await until(() => expect(notes()).toEqual(['hello']));
    await caller.session.updateInstructions('Be brief.');
    await until(() => expect(heard[1]).toHaveLength(2));
    const told = heard.map(([first]) => first?.setup?.systemInstruction?.parts[0]?.text);
    expect(told).toEqual(['Be kind.', 'Be brief.']);
    expect(notes()).toEqual(['hello']);
    expect(caller.errors).toEqual([]);
  });

  it('takes words that come late for what they are', async () => {
    const caller = new RealtimeCaller(model);
    await until(() => expect(heard[0]).toHaveLength(1));
    content({ inputTranscription: { text: 'what is' } });
    content({ ...audio, outputTranscription: { text: 'It is' } });
    content({ inputTranscription: { text: ' the time' } });
    content({ generationComplete: true });
    content({ outputTranscription: { text: ' noon.' } });
    content({ turnComplete: true });
    await until(() => expect(caller.texts).toEqual(['It is noon.']));
    expect(caller.transcripts).toEqual(['what is the time']);
    expect(caller.speech).toEqual(['started', 'stopped']);
    expect(caller.replies).toHaveLength(1);
  });

  it('tells of a turn that nobody answers, and has it answered on another connection', async () => {
    const caller = new RealtimeCaller(model);
    await until(() => expect(heard[0]).toHaveLength(1));
    content({ inputTranscription: { text: 'never mind' } });
    await until(() => expect(caller.transcripts).toEqual(['never mind']));
    expect(caller.speech).toEqual(['started', 'stopped']);
    sockets[0]?.terminate();
    await until(() => expect(caller.reconnections).toBe(1));
    await until(() => expect(contents()).toMatchObject([{ turns: [{ role: 'user' }], turnComplete: true }]));
  });

  it.each([
    ['lost its connection', true],
    ['was interrupted', false],
  ] as const)('tells in a note what a tool gave to a model that %s', async (_, isLost) => {
    const caller = new RealtimeCaller(model);
    void asked(caller, 'who am I');
    await until(() => expect(contents().at(-1)?.turnComplete).toBe(true));
    say({ toolCall: { functionCalls: [{ id: 'c1', name: 'get_profile', args: { deep: true } }] } });
    await until(() => expect(caller.replies[0]?.calls).toHaveLength(1));
    if (isLost) {
      sockets[0]?.terminate();
      await until(() => expect(caller.reconnections).toBe(1));
    } else {
      say({ toolCallCancellation: { ids: ['c1'] } });
      content({ inputTranscription: { text: 'stop' } });
      await until(() => expect(caller.interims).toHaveLength(1));
    }
    const output = llm.FunctionCallOutput.create({
      callId: 'c1',
      name: 'get_profile',
      output: 'Robin',
      isError: false,
    });
    await caller.add(output);
    await until(() =>
      expect(notes().at(-1)).toContain('get_profile was called with {"deep":true} and answered: Robin'),
    );
    expect(contents().at(-1)?.turnComplete).toBe(isLost);
    expect(heard.flat().some(({ toolResponse }) => toolResponse)).toBe(false);
  });

  it('tells why the model may not answer', async () => {
    const caller = new RealtimeCaller(model);
    const reply = asked(caller, 'hello');
    await until(() => expect(contents().at(-1)?.turnComplete).toBe(true));
    content({ turnComplete: true, turnCompleteReason: 'PROHIBITED_INPUT_CONTENT' });
    await expect(reply).rejects.toThrow('PROHIBITED_INPUT_CONTENT');
    expect(caller.errors).toMatchObject([{ recoverable: true }]);
  });

  it('gives up on what is not answered twice, and goes on', async () => {
    const { port } = server.address() as AddressInfo;
    const impatient = new GeminiRealtimeModel({
      ...endpoint,
      baseUrl: `http://127.0.0.1:${port}`,
      idleTimeoutMs: 300,
      retryIntervalMs: 50,
    });
    const caller = new RealtimeCaller(impatient);
    await caller.add(user('hello'));
    await expect(caller.session.generateReply()).rejects.toThrow('did not answer');
    expect(heard).toHaveLength(2);
    expect(caller.errors.map(({ recoverable }) => recoverable)).toEqual([true, true]);
    content({ outputTranscription: { text: 'Good morning.' } });
    content({ turnComplete: true });
    await until(() => expect(caller.texts).toEqual(['Good morning.']));
    await impatient.close();
  });

  it('hears any sample rate', async () => {
    const caller = new RealtimeCaller(model);
    for (let count = 0; count < 50; count += 1) {
      caller.session.pushAudio(new AudioFrame(new Int16Array(960), 48_000, 1, 960));
    }
    const sentBytes = () =>
      (heard[0] ?? []).reduce(
        (sum, { realtimeInput }) => sum + Buffer.from(realtimeInput?.audio?.data ?? '', 'base64').length,
        0,
      );
    // One second, less what the resampler holds back.
    await until(() => expect(sentBytes()).toBeGreaterThan(30_000));
    expect(sentBytes()).toBeLessThanOrEqual(32_000);
  });

  it.each([
    ['an unknown model', 1008, 'models/x is not found for API version v1beta', 404],
    ['a project without the API', 1008, 'Generative Language API has not been used in the secret project', 403],
    ['a setup it does not take', 1007, 'Invalid JSON payload: secret', 400],
  ])('is final about %s, and quotes nothing', async (_, code, reason, statusCode) => {
    server.on('connection', (socket) => socket.close(code, reason));
    const caller = new RealtimeCaller(model);
    await until(() => expect(caller.errors).toHaveLength(1));
    expect(caller.errors[0]).toMatchObject({ recoverable: false, error: { statusCode, retryable: false } });
    expect(caller.errors[0]?.error).toBeInstanceOf(APIStatusError);
    expect(JSON.stringify(caller.errors[0]?.error.message)).not.toContain('secret');
  });

  it('survives what is not JSON, and nobody at all', async () => {
    const caller = new RealtimeCaller(model);
    await until(() => expect(heard[0]).toHaveLength(1));
    sockets[0]?.send('secret words');
    await until(() => expect(caller.errors).toHaveLength(1));
    expect(caller.errors[0]).toMatchObject({ recoverable: true });
    expect(caller.errors[0]?.error).toBeInstanceOf(APIConnectionError);
    await until(() => expect(caller.reconnections).toBe(1));
    const nobody = new GeminiRealtimeModel({ ...endpoint, baseUrl: 'http://127.0.0.1:9' });
    const failure = await nobody.probe(AbortSignal.timeout(5_000)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(APIConnectionError);
    expect(String(failure)).toContain('ECONNREFUSED');
    expect(`${failure} ${JSON.stringify(caller.errors)}`).not.toContain('secret');
  });

  it('refuses an image, and goes on', async () => {
    const caller = new RealtimeCaller(model);
    const image = llm.createImageContent({ image: 'data:image/png;base64,AAAA' });
    await expect(caller.add(llm.ChatMessage.create({ role: 'user', content: [image] }))).rejects.toThrow('text only');
    await caller.add(user('hello'));
    await until(() => expect(notes()).toEqual(['hello']));
    expect(caller.errors).toEqual([]);
  });
});
