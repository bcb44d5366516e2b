import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { assetPath } from '../../core/assets.ts';
import { AzureSTT, type AzureSTTOptions } from '../../providers/stt/azure.ts';
import { AzureTTS } from '../../providers/tts/azure.ts';
import { azureSpeechPrefix, azureSpeechStandIn } from '../../sandbox/azure-speech.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { Caller, silence } from './stt-caller.ts';
import { describeSttContract } from './stt-suite.ts';

describeSttContract('Azure', {
  vendor: 'azure-speech',
  standIn: azureSpeechStandIn,
  create: ({ baseUrl, ...settings }) =>
    new AzureSTT({
      apiKey: 'a-key',
      baseUrl: `${baseUrl}${azureSpeechPrefix}`,
      language: ['en-US', 'nl-NL'],
      ...settings,
    }),
  languageOf: (language) => (language === 'nl' ? 'nl-NL' : 'en-US'),
  keyTermsOf: (query) => new URLSearchParams(query).getAll('phrase'),
});

const patience = { timeout: 20_000, interval: 20 };

describe('Azure recogniser', async () => {
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  let sandbox: Sandbox;
  let adapter: AzureSTT;
  beforeEach(async () => {
    sandbox = await startSandbox([azureSpeechStandIn(lines)]);
  });
  afterEach(async () => {
    await adapter.close();
    await vi.waitFor(
      () => expect(events('connection-closed')).toHaveLength(events('connection-opened').length),
      patience,
    );
    await sandbox.close();
    expect(events('unexpected-request')).toEqual([]);
  });
  const events = (event: string) => sandbox.log.events({ vendor: 'azure-speech', event });
  const create = (options: Partial<AzureSTTOptions> = {}) => {
    const baseUrl = `${sandbox.url}${azureSpeechPrefix}`;
    adapter = new AzureSTT({ apiKey: 'a-key', baseUrl, language: 'nl-NL', ...options });
    return adapter;
  };

  it('hears what follows a long silence, at its time', async () => {
    const line = lines[0];
    if (!line) throw new Error('no lines');
    const caller = new Caller(create());
    caller.push(silence(18_000));
    caller.say(line.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([line.text]), patience);
    const [final] = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT);
    const startSeconds = 18 + (line.words[0]?.startMs ?? 0) / 1000;
    expect(Math.abs((final?.alternatives?.[0].startTime ?? 0) - startSeconds)).toBeLessThan(0.08);
    // The service ends a turn after a long silence.
    expect(events('connection-opened')).toHaveLength(2);
    expect(caller.errors).toEqual([]);
  });

  it('reports the language it was set to when there is one', async () => {
    const line = lines[0];
    if (!line) throw new Error('no lines');
    const caller = new Caller(create());
    caller.say(line.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([line.text]), patience);
    expect(caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[0]?.alternatives?.[0].language).toBe('nl-NL');
    expect(String(events('connection-opened')[0]?.query)).toContain('language=nl-NL');
    expect(String(events('connection-opened')[0]?.query)).not.toContain('lidEnabled');
  });

  it('goes on after a flush', async () => {
    const [first, second] = lines;
    if (!first || !second) throw new Error('no lines');
    const caller = new Caller(create());
    caller.push(first.samples);
    caller.stream.flush();
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
    caller.push(silence(300));
    caller.push(second.samples);
    caller.stream.flush();
    caller.stream.endInput();
    await caller.ended;
    expect(caller.finals).toEqual([first.text, second.text]);
    expect(caller.of(stt.SpeechEventType.END_OF_SPEECH)).toHaveLength(2);
    expect(caller.errors).toEqual([]);
  });

  it('sends no more key terms than the service takes', async () => {
    const keyTerms = Array.from({ length: 600 }, (_, index) => `vakterm ${index}`);
    create()._updateSessionKeyterms(keyTerms);
    adapter.stream();
    await vi.waitFor(() => expect(events('connection-opened')).toHaveLength(1), patience);
    const sent = new URLSearchParams(String(events('connection-opened')[0]?.query)).getAll('phrase');
    expect(sent).toEqual(keyTerms.slice(0, 500));
  });

  it('probes with a connection that carries nothing', async () => {
    await create().probe(new AbortController().signal);
    await vi.waitFor(() => expect(events('connection-closed')).toMatchObject([{ code: 1000, voicedMs: 0 }]), patience);

    sandbox.settings.setFailure('azure-speech', { mode: 'refuse', times: 1 });
    await expect(adapter.probe(new AbortController().signal)).rejects.toMatchObject({ statusCode: 401 });

    sandbox.settings.setFailure('azure-speech', { mode: 'hang', times: 1 });
    const giveUp = new AbortController();
    const probing = adapter.probe(giveUp.signal);
    await vi.waitFor(() => expect(events('connection-hung')).toHaveLength(1), patience);
    giveUp.abort();
    await expect(probing).rejects.toThrow();
    await vi.waitFor(() => expect(events('hung-connection-closed')).toHaveLength(1), patience);
  });

  it('says what is missing, and that it only recognises streams', async () => {
    expect(() => create({ baseUrl: undefined })).toThrow('set region, or baseUrl');
    expect(() => create({ language: [] })).toThrow('set language');
    await expect(create().recognize([])).rejects.toThrow('use stream()');
  });
});

describe('Azure base URL', () => {
  it.each(['', '/proxy/azure'])('may have the path “%s” before the service’s', async (prefix) => {
    const server = createServer();
    const asked: string[] = [];
    server.on('upgrade', (request, socket) => {
      asked.push(new URL(request.url ?? '', 'http://host').pathname);
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const baseUrl = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
    const recogniser = new AzureSTT({ apiKey: 'a-key', baseUrl, language: 'nl-NL' });
    const voice = new AzureTTS({ apiKey: 'a-key', baseUrl, voice: 'nl-NL-FennaNeural' });
    const { signal } = new AbortController();
    await expect(recogniser.probe(signal)).rejects.toMatchObject({ statusCode: 401, retryable: false });
    await expect(voice.probe(signal)).rejects.toMatchObject({ statusCode: 401, retryable: false });
    expect(asked).toEqual([`${prefix}/stt/speech/universal/v2`, `${prefix}/tts/cognitiveservices/websocket/v1`]);
    server.close();
  });
});

describe('Azure stand-in', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([azureSpeechStandIn([])]);
  });
  afterEach(() => sandbox.close());

  const recognition = `${azureSpeechPrefix}/stt/speech/universal/v2`;
  const synthesis = `${azureSpeechPrefix}/tts/cognitiveservices/websocket/v1`;
  const connect = (path: string, headers: Record<string, string> = { 'Ocp-Apim-Subscription-Key': 'a-key' }) => {
    const socket = new WebSocket(`${sandbox.url.replace('http', 'ws')}${path}`, { headers });
    const outcome = new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    return { socket, outcome, closed };
  };
  const text = (path: string, body: string, type = 'application/json') =>
    `Path: ${path}\r\nX-RequestId: A1\r\nContent-Type: ${type}\r\n\r\n${body}`;

  it('refuses a connection without a key, and one for a path it does not have', async () => {
    expect(await connect(recognition, {}).outcome).toBe('Unexpected server response: 401');
    expect(await connect(`${azureSpeechPrefix}/stt`).outcome).toBe('Unexpected server response: 404');
  });

  const context = {
    synthesis: {
      audio: {
        outputFormat: 'raw-24khz-16bit-mono-pcm',
        metadataOptions: {
          ...{ bookmarkEnabled: false, punctuationBoundaryEnabled: false, sentenceBoundaryEnabled: false },
          ...{ sessionEndEnabled: true, visemeEnabled: false, wordBoundaryEnabled: false },
        },
      },
      language: {},
    },
  };
  const ssml = (voice: string, content: string) =>
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="nl-NL">' +
    `<voice name="${voice}">${content}</voice></speak>`;
  it.each([
    ['what is no message', recognition, ['hello']],
    ['a message it does not know', recognition, [text('agent', '{}')]],
    ['a context that is none', recognition, [text('speech.context', '{"phraseDetection": 1}')]],
    ['a text without a context', synthesis, [text('ssml', ssml('nl-NL-FennaNeural', 'dag'), 'application/ssml+xml')]],
    ['another format', synthesis, [text('synthesis.context', '{"synthesis": {"audio": {"outputFormat": "mp3"}}}')]],
    ...[ssml('Fenna', 'dag'), ssml('nl-NL-FennaNeural', 'dag & nacht'), '<speak>dag</speak>'].map(
      (document): [string, string, string[]] => [
        `the document ${document}`,
        synthesis,
        [text('synthesis.context', JSON.stringify(context)), text('ssml', document, 'application/ssml+xml')],
      ],
    ),
  ])('closes a connection that sends %s', async (_, path, messages) => {
    const { socket, outcome, closed } = connect(path);
    expect(await outcome).toBe('open');
    for (const message of messages) socket.send(message);
    expect(await closed).toBe(1007);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });
});
