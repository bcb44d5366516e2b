import { APIConnectionError, APIStatusError, APITimeoutError, initializeLogger, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Failure, Vendor } from '../../sandbox/settings.ts';
import type { Line } from '../../sandbox/speech/lines.ts';
import { unknownSpeechNotice } from '../../sandbox/speech/utterance-matcher.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';
import { Caller, sampleRateHz, silence, unknownSpeech } from './stt-caller.ts';
import { testKeyTerms } from './stt-key-terms.ts';

/** What the suite needs to know about one vendor. */
export interface SttHarness {
  vendor: Vendor;
  standIn(lines: readonly Line[]): StandInFactory;
  /** Makes the adapter; the key is one the stand-in takes. */
  create(settings: { baseUrl: string; connectTimeoutMs?: number }): stt.STT;
  /** Key terms in the query that the stand-in logged when a connection was opened; absent where the vendor takes none. */
  keyTermsOf?(query: string): string[];
  /** Event of the stand-in's log that has that query (default `connection-opened`). */
  keyTermsEvent?: string;
  /** The vendor takes new key terms on an open connection (`configured` in the stand-in's log), where others need a new one. */
  takesKeyTermsInPlace?: true;
  /** What the vendor doesn't give, and why: it stands in the titles of the tests that then ask for less. */
  lacks?: Partial<Record<'interims' | 'earlyInterims' | 'wordTimes' | 'keyTerms', string>>;
  /** What the adapter calls a language of the lines (default: what the lines call it). */
  languageOf?(language: string): string;
  /** What the vendor answers to a key it doesn't know (default 401). */
  refusedStatus?: number;
}

const patience = { timeout: 8_000, interval: 20 };

/** Runs what every speech recogniser of ours has to do, against the vendor's stand-in on loopback. */
export function describeSttContract(name: string, harness: SttHarness): void {
  initializeLogger({ pretty: false, level: 'error' });

  describe(`${name}: speech to text`, async () => {
    const lines = await loadLines(assetPath('sandbox', 'lines'));
    const line = (id: string): Line => {
      const found = lines.find((candidate) => candidate.id === id);
      if (!found) throw new Error(`no line ${id}`);
      return found;
    };
    const { lacks = {}, languageOf = (language: string) => language } = harness;
    const without = (...names: (keyof typeof lacks)[]) =>
      names.map((name) => (lacks[name] ? ` (without ${name}: ${lacks[name]})` : '')).join('');
    const factory = harness.standIn(lines);
    let sandboxes: Sandbox[];
    let adapters: stt.STT[];

    const sandbox = () => sandboxes.at(-1) as Sandbox;
    const start = async (port?: number) => {
      sandboxes.push(await startSandbox([factory], { port }));
    };
    const adapter = (settings: { connectTimeoutMs?: number } = {}) => {
      const made = harness.create({ baseUrl: sandbox().url, ...settings });
      adapters.push(made);
      return made;
    };
    const logged = (event: string) => sandboxes.flatMap(({ log }) => log.events({ vendor: harness.vendor, event }));
    const fail = (mode: Failure['mode'], times?: number) =>
      sandbox().settings.setFailure(harness.vendor, { mode, times });

    beforeEach(async () => {
      sandboxes = [];
      adapters = [];
      await start();
    });

    afterEach(async () => {
      await Promise.all(adapters.map((made) => made.close()));
      await vi.waitFor(
        () => expect(logged('connection-closed')).toHaveLength(logged('connection-opened').length),
        patience,
      );
      await sandbox().close();
      expect([...logged('unexpected-request'), ...logged('stand-in-failed')]).toEqual([]);
    });

    it(`gives the words of a line, interim and final, with their times${without('interims', 'wordTimes')}`, async () => {
      const spoken = line('en-set-up');
      const caller = new Caller(adapter());
      caller.push(silence(400));
      caller.say(spoken.samples);
      await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);

      const interims = caller.texts(stt.SpeechEventType.INTERIM_TRANSCRIPT);
      if (lacks.interims) expect(interims).toEqual([]);
      else expect(interims.length).toBeGreaterThan(1);
      for (const text of interims) expect(spoken.text.startsWith(text)).toBe(true);
      const data = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[0]?.alternatives?.[0];
      expect(data?.language).toBe(languageOf('en'));
      const timed = lacks.wordTimes ? [] : spoken.words;
      expect(data?.words?.map(({ text }) => text) ?? []).toEqual(timed.map(({ word }) => word));
      for (const [index, { startMs, endMs }] of timed.entries()) {
        const word = data?.words?.[index];
        expect(Math.abs((word?.startTime ?? 0) - (400 + startMs) / 1000)).toBeLessThan(0.08);
        expect(Math.abs((word?.endTime ?? 0) - (400 + endMs) / 1000)).toBeLessThan(0.08);
      }
      const order = caller.events
        .map(({ type }) => type)
        .filter(
          (type) => type !== stt.SpeechEventType.INTERIM_TRANSCRIPT && type !== stt.SpeechEventType.RECOGNITION_USAGE,
        );
      expect(order).toEqual([
        stt.SpeechEventType.START_OF_SPEECH,
        stt.SpeechEventType.FINAL_TRANSCRIPT,
        stt.SpeechEventType.END_OF_SPEECH,
      ]);
    });

    it('reports the length of the audio it had recognised', async () => {
      const spoken = line('en-name');
      const caller = new Caller(adapter());
      caller.say(spoken.samples);
      caller.stream.endInput();
      await caller.ended;
      const seconds = caller
        .of(stt.SpeechEventType.RECOGNITION_USAGE)
        .reduce((sum, { recognitionUsage }) => sum + (recognitionUsage?.audioDuration ?? 0), 0);
      expect(seconds).toBeCloseTo(spoken.samples.length / sampleRateHz + 0.6, 1);
    });

    it('knows which language was spoken', async () => {
      const spoken = line('nl-dental');
      const caller = new Caller(adapter());
      caller.say(spoken.samples);
      await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);
      expect(caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[0]?.alternatives?.[0].language).toBe(languageOf('nl'));
    });

    it('gives half the words for half a line', async () => {
      const spoken = line('en-weather');
      const middle = spoken.words.findIndex(({ word }) => word === 'weather');
      const cut = ((spoken.words[middle]?.startMs ?? 0) * sampleRateHz) / 1000;
      const caller = new Caller(adapter());
      caller.say(spoken.samples.slice(0, cut));
      await vi.waitFor(() => expect(caller.finals).toHaveLength(1), patience);
      caller.say(spoken.samples.slice(cut));
      await vi.waitFor(() => expect(caller.finals).toEqual(['tell me about the', 'weather in Paris today']), patience);
    });

    it('gives nothing for silence', async () => {
      const caller = new Caller(adapter());
      caller.push(silence(6_000));
      caller.stream.endInput();
      await caller.ended;
      expect(caller.events.filter(({ type }) => type !== stt.SpeechEventType.RECOGNITION_USAGE)).toEqual([]);
    });

    it('never makes words up for speech it does not know', async () => {
      const caller = new Caller(adapter());
      caller.say(unknownSpeech(1_500));
      await vi.waitFor(() => expect(caller.finals).toEqual([unknownSpeechNotice]), patience);
    });

    it('hears one utterance after another on one connection', async () => {
      const [first, second] = [line('en-name'), line('en-goal')];
      const caller = new Caller(adapter());
      caller.say(first.samples);
      caller.say(second.samples);
      await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
      expect(logged('connection-opened')).toHaveLength(1);
    });

    it('gives the final transcript at once when it is flushed', async () => {
      sandbox().settings.delays = { ...sandbox().settings.delays, sttFinalMs: 60_000 };
      const spoken = line('en-name');
      const caller = new Caller(adapter());
      caller.push(spoken.samples);
      caller.stream.flush();
      await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);
      expect(caller.of(stt.SpeechEventType.END_OF_SPEECH)).toHaveLength(1);
    });

    it('gives the last words when its input ends, and then ends itself', async () => {
      const spoken = line('en-goal');
      const caller = new Caller(adapter());
      caller.push(spoken.samples);
      caller.stream.endInput();
      await caller.ended;
      expect(caller.finals).toEqual([spoken.text]);
    });

    it('loses and doubles no word when the server dies in the middle of an utterance', async () => {
      const [first, second] = [line('en-name'), line('en-reminder')];
      const caller = new Caller(adapter());
      caller.say(first.samples);
      await vi.waitFor(() => expect(caller.finals).toEqual([first.text]), patience);
      const half = Math.floor(second.samples.length / 2);
      caller.push(second.samples.slice(0, half));
      await vi.waitFor(() => expect(logged('speech-started')).toHaveLength(2), patience);
      const port = Number(new URL(sandbox().url).port);
      await sandbox().close();
      caller.push(second.samples.slice(half, half + 8_000));
      await start(port);
      caller.say(second.samples.slice(half + 8_000));
      await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
      const data = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[1]?.alternatives?.[0];
      const startSeconds = first.samples.length / sampleRateHz + 0.6;
      if (!lacks.wordTimes) expect(Math.abs((data?.startTime ?? 0) - startSeconds)).toBeLessThan(0.08);
      expect(caller.errors).toEqual([]);
    });

    it('does not try again when its key is refused', async () => {
      fail('refuse');
      const caller = new Caller(adapter());
      await caller.ended;
      expect(caller.errors).toHaveLength(1);
      expect(caller.errors[0]).toBeInstanceOf(APIStatusError);
      expect(caller.errors[0]).toMatchObject({ statusCode: harness.refusedStatus ?? 401, retryable: false });
      expect(logged('connection-refused')).toHaveLength(1);
    });

    it.each([
      ['rate-limit', APIStatusError],
      ['overload', APIStatusError],
      ['close', APIConnectionError],
      ['hang', APITimeoutError],
    ] as const)('takes %s for an error worth a retry', async (mode, expected) => {
      fail(mode);
      const caller = new Caller(adapter({ connectTimeoutMs: 500 }), { maxRetry: 0 });
      caller.push(line('en-name').samples);
      await caller.ended;
      expect(caller.errors).toHaveLength(1);
      expect(caller.errors[0]).toBeInstanceOf(expected);
      expect(caller.errors[0]).toMatchObject({ retryable: true });
    });

    it.each(['rate-limit', 'overload', 'close', 'hang'] as const)(
      'recovers from %s without losing a word',
      async (mode) => {
        fail(mode, 1);
        const spoken = line('en-set-up');
        const caller = new Caller(adapter({ connectTimeoutMs: 500 }));
        caller.say(spoken.samples);
        await vi.waitFor(() => expect(caller.finals).toEqual([spoken.text]), patience);
        expect(caller.errors).toEqual([]);
      },
    );

    it(`closes its connection at once when it is aborted, while connecting too${without('earlyInterims')}`, async () => {
      const talking = new Caller(adapter());
      talking.push(line('en-weather').samples);
      const heard = lacks.interims || lacks.earlyInterims ? 'speech-started' : 'interim-sent';
      await vi.waitFor(() => expect(logged(heard).length).toBeGreaterThan(0), patience);
      talking.stream.close();
      await vi.waitFor(() => expect(logged('connection-closed')).toHaveLength(1), patience);

      fail('hang');
      const connecting = new Caller(adapter());
      await vi.waitFor(() => expect(logged('connection-hung')).toHaveLength(1), patience);
      connecting.stream.close();
      await Promise.all([talking.ended, connecting.ended]);
      expect([...talking.errors, ...connecting.errors]).toEqual([]);
      await vi.waitFor(() => expect(logged('hung-connection-closed')).toHaveLength(1), patience);
    });

    testKeyTerms(harness, { adapter, line, logged, without });

    it('leaves no socket behind when it is closed', async () => {
      const made = adapter();
      const callers = [new Caller(made), new Caller(made)];
      await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(2), patience);
      await made.close();
      await Promise.all(callers.map(({ ended }) => ended));
      await vi.waitFor(() => expect(logged('connection-closed')).toHaveLength(2), patience);
    });
  });
}
