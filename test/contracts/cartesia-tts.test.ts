import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { CartesiaTTS } from '../../providers/tts/cartesia.ts';
import { PieceCutter } from '../../providers/tts/segments.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeProbeContract } from './probe-suite.ts';
import { connOptions, durationMs, hear, speaking } from './tts-caller.ts';
import { describeTtsContract } from './tts-suite.ts';

const voice = { apiKey: 'sandbox', model: 'sonic-3', voiceId: 'f786b574-daa5-4673-aa0c-cbe3e8534c02', language: 'nl' };

describeTtsContract('CartesiaTTS', {
  vendor: 'cartesia',
  standIn: cartesiaStandIn,
  create: (options) => new CartesiaTTS({ ...voice, ...options }),
});

describeProbeContract('CartesiaTTS', {
  vendor: 'cartesia',
  standIn: cartesiaStandIn,
  create: (baseUrl) => new CartesiaTTS({ ...voice, baseUrl }),
});

describe('CartesiaTTS, of what its vendor can do,', () => {
  let sandbox: Sandbox;
  const speakers: CartesiaTTS[] = [];
  const errors: unknown[] = [];
  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'error' });
    sandbox = await startSandbox([cartesiaStandIn]);
    errors.length = 0;
  });
  afterEach(async () => {
    await Promise.all(speakers.splice(0).map((speaker) => speaker.close()));
    await sandbox.close();
    expect(logged('unexpected-request')).toEqual([]);
  });
  const logged = (event: string) => sandbox.log.events({ event });
  const speaker = (options: Partial<ConstructorParameters<typeof CartesiaTTS>[0]> = {}) => {
    const made = new CartesiaTTS({ ...voice, baseUrl: sandbox.url, ...options });
    made.on('error', ({ error }) => errors.push(error));
    speakers.push(made);
    return made;
  };
  const wordsOf = ({ audio }: Awaited<ReturnType<typeof hear>>) => audio.flatMap((each) => each.timedTranscripts ?? []);

  it('gives each word once, with its time in the segment, also past the end of a context', async () => {
    const texts = ['Goedemorgen, waarmee kan ik u helpen? ', 'Dinsdag om half tien is er nog plaats.'];
    const stream = speaker().stream({ connOptions });
    const hearing = hear(stream);
    stream.pushText(String(texts[0]));
    // A pause in the text: the vendor ends the context, and the rest is spoken in another.
    await vi.waitFor(() => expect(logged('context-completed')).toHaveLength(1), { timeout: 10_000 });
    stream.pushText(String(texts[1]));
    stream.endInput();
    const heard = await hearing;
    const words = wordsOf(heard);
    expect(words.map(({ text }) => text).join('')).toBe(`${texts.join('')} `);
    const times = words.flatMap(({ startTime, endTime }) => [startTime ?? -1, endTime ?? -1]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const firstSeconds = Number(logged('context-completed')[0]?.audioMs) / 1000;
    expect(times.find((seconds) => seconds > firstSeconds - 0.05)).toBeCloseTo(firstSeconds, 1);
    expect(times.at(-1)).toBeCloseTo(durationMs(heard) / 1000, 1);
  });

  it('gives a word no later than its audio', async () => {
    const heard = await hear(speaking(speaker(), ['Goedemorgen, waarmee kan ik u helpen?'], 0));
    let playedSeconds = 0;
    for (const { frame, timedTranscripts = [] } of heard.audio) {
      playedSeconds += frame.samplesPerChannel / frame.sampleRate;
      for (const { endTime } of timedTranscripts) expect(endTime).toBeGreaterThanOrEqual(playedSeconds - 0.02);
    }
    expect(wordsOf(heard)).toHaveLength(6);
  });

  it('asks for the language, speed and dictionary it was told', async () => {
    const text = 'Goedemorgen, waarmee kan ik u helpen?';
    const plain = await hear(speaking(speaker({ language: 'nl-NL' }), [text], 0));
    const fast = await hear(speaking(speaker({ speed: 1.5, pronunciationDictionaryId: 'pdict_1' }), [text], 0));
    await hear(speaking(speaker({ language: 'fil-PH' }), [text], 0));
    expect(logged('context-started')).toMatchObject([
      { language: 'nl', speed: undefined, dictionaryId: undefined },
      { language: 'nl', speed: 1.5, dictionaryId: 'pdict_1' },
      { language: 'tl' },
    ]);
    expect(durationMs(plain) / durationMs(fast)).toBeCloseTo(1.5, 1);
  });

  it('is told by an older model that it takes no dictionary', async () => {
    const older = speaker({ model: 'sonic-2', pronunciationDictionaryId: 'pdict_1' });
    await hear(speaking(older, ['Goedemorgen, waarmee kan ik u helpen?'], 2));
    expect(errors).toMatchObject([{ statusCode: 400, retryable: false }]);
  });
});

describe('CartesiaTTS base URL', () => {
  it('may have a path before the vendor’s', async () => {
    initializeLogger({ pretty: false, level: 'error' });
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connected = once(sockets, 'connection');
    const speaker = new CartesiaTTS({ ...voice, baseUrl: `http://127.0.0.1:${port}/proxy/cartesia` });
    speaker.prewarm();
    const [, request] = await connected;
    expect(request.url).toBe('/proxy/cartesia/tts/websocket');
    await speaker.close();
    sockets.close();
    server.close();
    await once(server, 'close');
  });
});

describe('PieceCutter', () => {
  const cut = (...texts: string[]) => {
    const cutter = new PieceCutter();
    const pieces = texts.flatMap((text) => cutter.push(text));
    return [...pieces, cutter.rest()];
  };

  it('lets the first clause go at once, then whole sentences', () => {
    const pieces = cut('Goedemorgen Jan, hoe gaat het, met u? Fijn dat u belt. Dus');
    expect(pieces).toEqual(['Goedemorgen Jan, ', 'hoe gaat het, met u? ', 'Fijn dat u belt. Dus']);
  });

  it('cuts neither inside a number nor between a sentence and its closing quote', () => {
    expect(cut('Dat kost 3,50 en duurt 1.5 uur. Ja')).toEqual(['Dat kost 3,50 en duurt 1.5 uur. ', 'Ja']);
    expect(cut('Hij zei: “Dat doet zeer.” En toen')).toEqual(['Hij zei: “Dat doet zeer.” ', 'En toen']);
  });

  it('gives the same pieces however the text is split, and they join to the text', () => {
    const text = 'Goed, ik kijk even. U kunt dinsdag, woensdag of vrijdag; welke dag schikt het best? ... Tot dan!\n';
    expect(cut(...text)).toEqual(cut(text));
    expect(cut(text).join('')).toBe(text);
  });

  it('cuts between words where punctuation is missing', () => {
    const text = 'woord '.repeat(100);
    const pieces = cut(text);
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.every((piece) => piece.length <= 200 + 'woord '.length)).toBe(true);
    expect(pieces.join('')).toBe(text);
  });

  it('never begins with a piece that cannot be spoken', () => {
    expect(cut('... ... ... ', 'ja goed. ')[0]).toBe('... ... ... ja goed. ');
  });
});
