import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AzureTTS, type AzureTTSOptions } from '../../providers/tts/azure.ts';
import { SpokenWords, ssmlOf } from '../../providers/tts/azure-ssml.ts';
import { azureSpeechPrefix, azureSpeechStandIn } from '../../sandbox/azure-speech.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { connOptions, durationMs, hear, speaking } from './tts-caller.ts';
import { describeTtsContract } from './tts-suite.ts';

const patience = { timeout: 8_000, interval: 20 };
const options = { apiKey: 'a-key', voice: 'nl-NL-FennaNeural' };

describeTtsContract('AzureTTS', {
  vendor: 'azure-speech',
  standIn: azureSpeechStandIn([]),
  create: ({ baseUrl, chunkTimeoutMs }) =>
    new AzureTTS({ ...options, baseUrl: `${baseUrl}${azureSpeechPrefix}`, timeoutMs: chunkTimeoutMs }),
  asksByPiece: true,
  keepsConnection: true,
});

describe('Azure voice', () => {
  let sandbox: Sandbox;
  let voice: AzureTTS;
  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'error' });
    sandbox = await startSandbox([azureSpeechStandIn([])]);
  });
  afterEach(async () => {
    await voice.close();
    await sandbox.close();
    expect(events('unexpected-request')).toEqual([]);
  });
  const events = (event: string) => sandbox.log.events({ vendor: 'azure-speech', event });
  const create = (more: Partial<AzureTTSOptions> = {}) => {
    voice = new AzureTTS({ ...options, baseUrl: `${sandbox.url}${azureSpeechPrefix}`, ...more });
    return voice;
  };

  it('tells the words it speaks with their audio, in the spelling of the text', async () => {
    const text = '“Goedemorgen,” zei ze. Om 9.30 uur (of later) is er plaats & koffie <gratis>!';
    const heard = await hear(speaking(create({ speed: 1.2 }), [text], 0));
    const words = heard.audio.flatMap(({ timedTranscripts }) => timedTranscripts ?? []);
    expect(words.map((word) => word.text).join('')).toBe(text);
    expect(words.length).toBeGreaterThan(10);
    const endMs = durationMs(heard);
    for (const [index, word] of words.entries()) {
      expect(Number(word.startTime)).toBeGreaterThanOrEqual(Number(words[index - 1]?.startTime ?? 0));
      expect(Number(word.endTime) * 1000).toBeLessThan(endMs + 1);
    }
    let framesMs = 0;
    for (const { frame, timedTranscripts = [] } of heard.audio) {
      framesMs += (frame.samplesPerChannel / frame.sampleRate) * 1000;
      // A chunk is 100 ms, and a frame is kept back.
      for (const word of timedTranscripts) expect(Number(word.endTime) * 1000).toBeLessThan(framesMs + 140);
    }
    expect(events('context-completed').map((event) => event.transcript)).toEqual([
      expect.stringContaining('Goedemorgen'),
      expect.stringContaining('koffie <gratis>!'),
    ]);
    expect(events('context-started')[0]).toMatchObject({ voice: 'nl-NL-FennaNeural', rate: 1.2 });
  });

  it('closes a connection at once that does not stop when it is told to', async () => {
    sandbox.settings.setFailure('azure-speech', { mode: 'hang', times: 1 });
    create().prewarm();
    await vi.waitFor(() => expect(events('connection-hung')).toHaveLength(1), patience);
    await voice.close();
    await vi.waitFor(() => expect(events('hung-connection-closed')).toHaveLength(1), patience);

    create().prewarm();
    await vi.waitFor(() => expect(events('connection-opened')).toHaveLength(1), patience);
    sandbox.settings.setFailure('azure-speech', { mode: 'hang', times: 1 });
    const stream = speaking(voice, ['Goedemorgen.'], 0);
    await vi.waitFor(() => expect(events('context-started')).toHaveLength(1), patience);
    const abortedAt = performance.now();
    stream.close();
    await vi.waitFor(() => expect(events('connection-closed')).toHaveLength(1), patience);
    expect(performance.now() - abortedAt).toBeLessThan(2_000);
    expect((await hear(speaking(voice, ['Goedemorgen.'], 0))).ends).toBe(1);
    expect(events('connection-opened')).toHaveLength(2);
  });

  it('probes with a connection that carries nothing', async () => {
    await create().probe(new AbortController().signal);
    expect(events('connection-closed')).toMatchObject([{ code: 1000 }]);
    sandbox.settings.setFailure('azure-speech', { mode: 'refuse', times: 1 });
    await expect(voice.probe(new AbortController().signal)).rejects.toMatchObject({ statusCode: 401 });
  });

  it('speaks at each of the rates', async () => {
    for (const sampleRateHz of [8_000, 22_050, 48_000] as const) {
      const heard = await hear(create({ sampleRateHz }).synthesize('Dag.', connOptions));
      expect(new Set(heard.audio.map(({ frame }) => frame.sampleRate))).toEqual(new Set([sampleRateHz]));
      await voice.close();
    }
  });

  it('says which option is wrong', () => {
    create();
    expect(() => create({ baseUrl: undefined })).toThrow('set region, or baseUrl');
    expect(() => create({ speed: 3 })).toThrow('speed must be 0.5 to 2');
    expect(() => create({ sampleRateHz: 11_025 as 8000 })).toThrow('sampleRateHz must be one of 8000');
  });
});

describe('Azure SSML', () => {
  it('takes markup for text, and leaves out what XML has no place for', () => {
    expect(ssmlOf(`a < b & "c" 'd'\u0000\u001b`, { voice: 'nl-NL-FennaNeural' })).toBe(
      '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="nl-NL">' +
        '<voice name="nl-NL-FennaNeural">a &lt; b &amp; &quot;c&quot; &apos;d&apos;  </voice></speak>',
    );
  });

  it('names the language a voice of another one shall speak', () => {
    const ssml = ssmlOf('dag', { voice: 'en-US-AvaMultilingualNeural', language: 'nl-NL', speed: 0.9 });
    expect(ssml).toContain('<lang xml:lang="nl-NL"><prosody rate="0.9">dag</prosody></lang>');
  });
});

describe('SpokenWords', () => {
  it('gives words that ended, and at last the rest of the text', () => {
    const words = new SpokenWords('Ja, dat kan om 9 uur!');
    words.add('Ja', 0, 0.2);
    words.add('dat', 0.2, 0.4);
    words.add('kan', 0.4, 0.6);
    words.add('negen', 0.8, 1);
    expect(words.until(0.3).map(({ text }) => text)).toEqual(['Ja, ']);
    expect(words.until(0.4).map(({ text }) => text)).toEqual(['dat ']);
    expect(words.until(2).map(({ text }) => text)).toEqual([]);
    expect(words.rest().map(({ text }) => text)).toEqual(['kan om 9 uur!']);
  });
});
