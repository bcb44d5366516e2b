import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { DeepgramSTT } from '../../providers/stt/deepgram.ts';
import { deepgramStandIn } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { describeSttContract } from './stt-suite.ts';

describeSttContract('Deepgram', {
  vendor: 'deepgram',
  standIn: deepgramStandIn,
  create: (settings) => new DeepgramSTT({ apiKey: 'a-key', model: 'nova-3', language: 'multi', ...settings }),
  keyTermsOf: (query) => new URLSearchParams(query).getAll('keyterm'),
});

describeProbeContract('Deepgram', {
  vendor: 'deepgram',
  standIn: deepgramStandIn([]),
  create: (baseUrl) => new DeepgramSTT({ apiKey: 'a-key', baseUrl, model: 'nova-3', language: 'multi' }),
});

const patience = { timeout: 8_000, interval: 20 };

describe('Deepgram adapter', () => {
  let sandbox: Sandbox;
  let adapter: DeepgramSTT;
  beforeEach(async () => {
    sandbox = await startSandbox([deepgramStandIn([])]);
  });
  afterEach(async () => {
    await adapter.close();
    await sandbox.close();
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });
  const opened = () => sandbox.log.events({ event: 'connection-opened' });

  it('keeps a connection open while no audio flows', async () => {
    adapter = new DeepgramSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'nova-3', language: 'en' });
    adapter.stream();
    await vi.waitFor(() => expect(opened()).toHaveLength(1), patience);
    await sleep(11_000);
    expect(sandbox.log.events({ event: 'connection-closed' })).toEqual([]);
  });

  it('takes a ws: base URL', async () => {
    const baseUrl = sandbox.url.replace('http:', 'ws:');
    adapter = new DeepgramSTT({ apiKey: 'a-key', baseUrl, model: 'nova-3', language: 'en' });
    adapter.stream();
    await vi.waitFor(() => expect(opened()).toHaveLength(1), patience);
  });

  it('sends no key terms to a model that refuses them, and no more than Deepgram takes', async () => {
    const keyTerms = Array.from({ length: 300 }, (_, index) => `vakterm ${index}`);
    adapter = new DeepgramSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'nova-2', language: 'nl' });
    adapter._updateSessionKeyterms(keyTerms);
    adapter.stream();
    await vi.waitFor(() => expect(opened()).toHaveLength(1), patience);
    expect(String(opened()[0]?.query)).not.toContain('keyterm');
    await adapter.close();

    adapter = new DeepgramSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'nova-3', language: 'nl' });
    adapter._updateSessionKeyterms(keyTerms);
    adapter.stream();
    await vi.waitFor(() => expect(opened()).toHaveLength(2), patience);
    const sent = new URLSearchParams(String(opened()[1]?.query)).getAll('keyterm');
    expect(sent).toEqual(keyTerms.slice(0, 100));
  });

  it('says that it only recognises streams', async () => {
    adapter = new DeepgramSTT({ apiKey: 'a-key', baseUrl: sandbox.url, model: 'nova-3', language: 'en' });
    await expect(adapter.recognize([])).rejects.toThrow('use stream()');
  });
});

describe('Deepgram stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([deepgramStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const query = { model: 'nova-3', encoding: 'linear16', sample_rate: '16000' };
  const connect = (parameters: Record<string, string>, authorization = 'Token a-key') => {
    const url = `${sandbox.url.replace('http', 'ws')}/v1/listen?${new URLSearchParams(parameters)}`;
    const socket = new WebSocket(url, { headers: authorization ? { authorization } : {} });
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
    ['no key', query, '', 401],
    ['an empty key', query, 'Token ', 401],
    ['an unknown model', { ...query, model: 'whisper' }, undefined, 400],
    ['no sample rate', { model: 'nova-3', encoding: 'linear16' }, undefined, 400],
    ['an unknown encoding', { ...query, encoding: 'pcm' }, undefined, 400],
    ['key terms for Nova-2', { ...query, model: 'nova-2', keyterm: 'x' }, undefined, 400],
  ])('refuses %s', async (_, parameters, authorization, status) => {
    const { outcome } = connect(parameters, authorization);
    expect(await outcome).toBe(`Unexpected server response: ${status}`);
  });

  it('answers Finalize with an empty final result, and CloseStream with metadata and a normal close', async () => {
    const { socket, messages, outcome, closed } = connect(query);
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'Finalize' }));
    socket.send(JSON.stringify({ type: 'CloseStream' }));
    expect(await closed).toBe(1000);
    expect(messages).toMatchObject([
      {
        type: 'Results',
        is_final: true,
        from_finalize: true,
        channel: { alternatives: [{ transcript: '', words: [] }] },
      },
      { type: 'Metadata', duration: 0 },
    ]);
  });

  it('refuses a message it does not know, and logs it', async () => {
    const { socket, messages, outcome } = connect(query);
    expect(await outcome).toBe('open');
    socket.send(JSON.stringify({ type: 'Configure' }));
    await vi.waitFor(() => expect(messages).toMatchObject([{ type: 'Error', variant: 'SchemaError' }]), patience);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
    socket.terminate();
  });

  it('tells the end of an utterance when it is asked to, once', async () => {
    const { socket, messages, outcome } = connect({ ...query, interim_results: 'true', utterance_end_ms: '1000' });
    expect(await outcome).toBe('open');
    const tone = Int16Array.from({ length: 8_000 }, (_, n) => 8_000 * Math.sin(n / 5));
    socket.send(Buffer.concat([Buffer.from(tone.buffer), Buffer.alloc(8_000)]));
    const types = () => messages.map(({ type }) => type);
    await vi.waitFor(() => expect(types()).toEqual(['Results']), patience);
    for (let second = 0; second < 3; second++) socket.send(Buffer.alloc(32_000));
    await vi.waitFor(() => expect(types()).toEqual(['Results', 'UtteranceEnd']), patience);
    socket.terminate();
  });

  it('closes a connection that sends nothing for ten seconds', async () => {
    const { messages, closed } = connect(query);
    expect(await closed).toBe(1011);
    expect(messages).toMatchObject([{ type: 'Metadata' }]);
  });
});
