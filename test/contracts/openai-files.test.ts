import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { AudioFormat } from '../../domain/transcription.ts';
import { OpenAIFileTranscriber, type OpenAIFileTranscriberOptions } from '../../providers/stt/openai-files.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { openaiTranscriptionsStandIn } from '../../sandbox/openai-transcriptions.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { syntheticRecording, wavFile } from '../support/recordings.ts';

const lines = await loadLines(assetPath('sandbox', 'lines'));
const dental = lines.find(({ id }) => id === 'nl-dental') as (typeof lines)[number];
const marks = [{ mark: '<one>', text: 'de eerste zin' }];
const wav = wavFile(dental.samples, dental.sampleRateHz);

let sandbox: Sandbox;
let logged: string;
beforeEach(async () => {
  sandbox = await startSandbox([openaiTranscriptionsStandIn(lines, marks)]);
  sandbox.settings.delays.transcriptionMs = 0;
  logged = '';
});
afterEach(() => sandbox.close());

const log = pino(
  {},
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  }),
);

const create = (options: Partial<OpenAIFileTranscriberOptions> = {}) =>
  new OpenAIFileTranscriber({
    apiKey: 'a-secret-key',
    baseUrl: `${sandbox.url}/openai/v1`,
    model: 'gpt-4o-transcribe',
    log,
    ...options,
  });

const ask = (
  transcriber: OpenAIFileTranscriber,
  request: { audio?: Uint8Array; format?: AudioFormat; language?: string; prompt?: string } = {},
  signal = new AbortController().signal,
) => transcriber.transcribe({ audio: wav, format: 'wav', prompt: '', ...request }, signal);

const events = (event: string) => sandbox.log.events({ vendor: 'openai', event });
const unexpected = () => events('unexpected-request');

describe('OpenAI as a recogniser of files', () => {
  it('hears what is said in a WAV file', async () => {
    expect(await ask(create(), { language: 'nl-BE', prompt: 'element, mesiaal' })).toBe(dental.text);
    expect(events('request-received')).toMatchObject([
      { model: 'gpt-4o-transcribe', extension: 'wav', language: 'nl', prompt: 'element, mesiaal', bytes: wav.length },
    ]);
    expect(unexpected()).toEqual([]);
  });

  it.each(['mp3', 'webm', 'm4a'] as const)('sends %s under a name that tells what it is', async (format) => {
    const audio = await syntheticRecording(format, { seconds: 2, marks: [{ atSeconds: 1, mark: '<one>' }] });
    expect(await ask(create(), { audio, format })).toBe('de eerste zin');
    expect(events('request-received')).toMatchObject([{ extension: format, language: null, prompt: '' }]);
    expect(unexpected()).toEqual([]);
  });

  it.each([
    ['gpt-4o-transcribe', 1_024, 'tanden'],
    ['whisper-1', 600, 'tanden'],
    ['gpt-4o-transcribe-diarize', 0, ''],
  ])('asks %s for what it can do', async (model, promptCharacters, prompt) => {
    const transcriber = create({ model });
    expect(transcriber.promptCharacters).toBe(promptCharacters);
    expect(await ask(transcriber, { prompt: 'tanden' })).toBe(dental.text);
    expect(events('request-received')).toMatchObject([{ model, prompt }]);
    expect(unexpected()).toEqual([]);
  });

  it.each(['rate-limit', 'overload', 'close'] as const)('tries again after %s', async (mode) => {
    sandbox.settings.setFailure('openai', { mode, times: 2 });
    expect(await ask(create())).toBe(dental.text);
    expect(events('request-received')).toHaveLength(3);
  });

  it.each([
    ['refuse', 1, /refuses the key/],
    ['rate-limit', 3, /too much to do/],
    ['overload', 3, /fails: try again/],
    ['close', 3, /does not answer/],
  ] as const)('says what is wrong when it goes on to %s', async (mode, tries, message) => {
    sandbox.settings.setFailure('openai', { mode });
    await expect(ask(create())).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(message) });
    expect(events('request-received')).toHaveLength(tries);
    expect(logged).toContain('a transcription failed');
    expect(logged).not.toMatch(/a-secret-key|Incorrect API key/);
  });

  it('does not wait for an answer forever', async () => {
    sandbox.settings.setFailure('openai', { mode: 'hang' });
    const transcriber = create({ timeoutMs: 200, maxRetries: 1 });
    await expect(ask(transcriber)).rejects.toMatchObject({ code: 'unavailable' });
    await expect.poll(() => events('request-closed')).toHaveLength(2);
  });

  it('says so when nobody listens there', async () => {
    const transcriber = create({ baseUrl: 'http://127.0.0.1:1/v1', maxRetries: 0 });
    await expect(ask(transcriber)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('blames the file for what the vendor can not read', async () => {
    const refused = ask(create(), { audio: Buffer.from('no sound at all'), format: 'mp3' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', faults: [{ field: 'file' }] });
    expect(unexpected()).toHaveLength(1);
  });

  it('names the setting when there is no such model', async () => {
    await expect(create({ model: 'gpt-none' }).check()).rejects.toMatchObject({ message: /MODEL_ID/ });
    await expect(create().check()).resolves.toBeUndefined();
    sandbox.settings.setFailure('openai', { mode: 'refuse' });
    await expect(create().check()).rejects.toMatchObject({ message: /OPENAI_API_KEY/ });
  });
});

describe('a request that nobody waits for any more', () => {
  it('is given up at the vendor too', async () => {
    sandbox.settings.setFailure('openai', { mode: 'hang' });
    const gone = new AbortController();
    const asked = ask(create(), {}, gone.signal);
    await expect.poll(() => events('request-received')).toHaveLength(1);
    gone.abort(new Error('the client has left'));
    await expect(asked).rejects.toThrow('the client has left');
    await expect.poll(() => events('request-closed')).toHaveLength(1);
  });

  it('ends while it waits for its next try, and is not sent again', async () => {
    sandbox.settings.setFailure('openai', { mode: 'overload' });
    const gone = new AbortController();
    const asked = ask(create({ maxRetries: 20 }), {}, gone.signal);
    await expect.poll(() => events('request-received').length).toBeGreaterThan(0);
    gone.abort(new Error('the client has left'));
    await expect(asked).rejects.toThrow('the client has left');
  });

  it('is not begun', async () => {
    await expect(ask(create(), {}, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    expect(events('request-received')).toEqual([]);
  });
});
