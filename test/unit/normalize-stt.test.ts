import { APIConnectionError, APIError, asLanguageCode, initializeLogger, stt, voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { NormalizedSTT, type NormalizedTranscript } from '../../agents/turns/normalize.ts';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { final, noRetry, ScriptedSTT, transcript } from '../support/scripted-stt.ts';

const pack = createPack('nl-dental', readPackAsset).normalizer();
const { SpeechEventType } = stt;

function open(...scripts: { events: stt.SpeechEvent[]; error?: Error }[]) {
  const inner = new ScriptedSTT(...scripts);
  const heard: NormalizedTranscript[] = [];
  const outer = new NormalizedSTT({ stt: inner, normalizers: () => [pack], onTranscript: (t) => heard.push(t) });
  onTestFinished(() => outer.close());
  return { inner, outer, heard };
}

/** Ends the input and collects everything that comes out. */
async function drain(stream: stt.SpeechStream): Promise<stt.SpeechEvent[]> {
  stream.endInput();
  const events: stt.SpeechEvent[] = [];
  for await (const event of stream) events.push(event);
  stream.close();
  return events;
}

beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

describe('a normalized recogniser', () => {
  it('rewrites interim, preflight and final transcripts alike and tells what it did', async () => {
    const kinds = [
      SpeechEventType.INTERIM_TRANSCRIPT,
      SpeechEventType.PREFLIGHT_TRANSCRIPT,
      SpeechEventType.FINAL_TRANSCRIPT,
    ];
    const { outer, heard } = open({ events: kinds.map((kind) => transcript(kind, 'element zesentwintig mesiaal')) });
    const events = await drain(outer.stream());
    expect(events.map((event) => [event.type, event.requestId, event.alternatives?.[0].text])).toEqual(
      kinds.map((kind) => [kind, 'r1', 'element 26 M']),
    );
    expect(heard.map(({ raw, text, final: isFinal }) => [raw, text, isFinal])).toEqual([
      ['element zesentwintig mesiaal', 'element 26 M', false],
      ['element zesentwintig mesiaal', 'element 26 M', false],
      ['element zesentwintig mesiaal', 'element 26 M', true],
    ]);
    expect(heard[0]?.edits.map((edit) => edit.rule)).toEqual(['tooth', 'surface']);
  });

  it('keeps the times of the words in step with the text', async () => {
    const event = final('tand twee zes');
    const words = ['tand', 'twee', 'zes'].map((text, index) =>
      voice.createTimedString({ text, startTime: index, endTime: index + 1 }),
    );
    if (event.alternatives) event.alternatives[0].words = words;
    const { outer } = open({ events: [event] });
    const [result] = await drain(outer.stream());
    expect(result?.alternatives?.[0].words).toMatchObject([
      { text: 'tand', startTime: 0, endTime: 1 },
      { text: '26', startTime: 1, endTime: 3 },
    ]);
  });

  it('rewrites every alternative and keeps the rest of it', async () => {
    const event = final('element elf');
    event.alternatives?.push({
      text: 'tand twaalf',
      language: asLanguageCode('nl'),
      startTime: 1,
      endTime: 2,
      confidence: 0.1,
    });
    const { outer, heard } = open({ events: [event] });
    const [result] = await drain(outer.stream());
    expect(result?.alternatives).toMatchObject([
      { text: 'element 11', confidence: 0.9 },
      { text: 'tand 12', startTime: 1, confidence: 0.1 },
    ]);
    expect(heard).toHaveLength(1);
  });

  it.each([
    ['nl', 'element 11'],
    ['nl-BE', 'element 11'],
    ['', 'element 11'],
    ['multi', 'element 11'],
    ['und', 'element 11'],
    ['en', 'element elf'],
    ['de-DE', 'element elf'],
  ])('goes by the language of a transcript: %j', async (language, text) => {
    const { outer, heard } = open({ events: [final('element elf', language)] });
    const [event] = await drain(outer.stream());
    expect(event?.alternatives?.[0].text).toBe(text);
    expect(heard).toMatchObject([{ raw: 'element elf', text, language }]);
  });

  it('passes other events on as they are, and says nothing about empty transcripts', async () => {
    const events: stt.SpeechEvent[] = [
      { type: SpeechEventType.START_OF_SPEECH },
      final(''),
      { type: SpeechEventType.END_OF_SPEECH, speechEndTime: 12 },
    ];
    const { outer, heard } = open({ events });
    expect(await drain(outer.stream())).toEqual(events);
    expect(heard).toEqual([]);
  });

  it('passes frames and flushes on, in a stream that can be closed', async () => {
    const { inner, outer } = open({ events: [] });
    const stream = outer.stream();
    stream.pushFrame(new AudioFrame(new Int16Array(160), 16_000, 1, 160));
    stream.flush();
    expect(await drain(stream)).toEqual([]);
    expect(inner.seen).toMatchObject({ frames: 1, flushes: 1, attempts: 1 });

    const closing = outer.stream();
    closing.close();
    expect((await closing.next()).done).toBe(true);
    expect(inner.seen.aborted).toBe(true);
    expect(() => closing.flush()).toThrow('closed');
  });

  it('asks the streams for final transcripts that take audio still', async () => {
    const { inner, outer } = open({ events: [] });
    const [ended, closed, ...listening] = [outer.stream(), outer.stream(), outer.stream(), outer.stream()];
    ended.endInput();
    closed.close();
    outer.flush();
    for (const stream of listening) await drain(stream);
    expect(inner.seen.flushes).toBe(2);
  });

  it('gives the time offset to the decorated stream', async () => {
    const { inner, outer } = open({ events: [] });
    const stream = outer.stream();
    stream.startTimeOffset = 40;
    await drain(stream);
    expect(inner.seen.offsets[0]).toBeGreaterThanOrEqual(40);
    expect(stream.startTimeOffset).toBe(inner.seen.offsets[0]);
  });

  it('counts usage once', async () => {
    const usage = { type: SpeechEventType.RECOGNITION_USAGE, requestId: 'r1', recognitionUsage: { audioDuration: 3 } };
    const { outer } = open({ events: [usage] });
    const metrics: unknown[] = [];
    outer.on('metrics_collected', (one) => metrics.push(one));
    expect(await drain(outer.stream())).toEqual([usage]);
    expect(metrics).toMatchObject([{ audioDurationMs: 3_000, label: 'scripted', metadata: { modelName: 'model-1' } }]);
  });

  it('leaves retries to the decorated recogniser, with the options of the caller', async () => {
    const { inner, outer } = open(
      { events: [final('tand elf')], error: new APIConnectionError({ message: 'lost' }) },
      { events: [final('tand twaalf')] },
    );
    const errors: unknown[] = [];
    outer.on('error', (error) => errors.push(error));
    const events = await drain(outer.stream({ connOptions: { ...noRetry, maxRetry: 1 } }));
    expect(events.map((event) => event.alternatives?.[0].text)).toEqual(['tand 11', 'tand 12']);
    expect(inner.seen.attempts).toBe(2);
    expect(errors).toEqual([]);
  });

  it('passes an error on once and ends', async () => {
    const error = new APIError('refused', { retryable: false });
    const { inner, outer } = open({ events: [], error });
    const errors: { error: Error; recoverable: boolean }[] = [];
    outer.on('error', (one) => errors.push(one));
    const stream = outer.stream({ connOptions: noRetry });
    expect(await drain(stream)).toEqual([]);
    expect(errors).toMatchObject([{ error, recoverable: false, label: 'scripted' }]);
    expect(stream._failed).toBe(true);
    expect(inner.seen.attempts).toBe(1);
  });

  it('recognizes a recording', async () => {
    const { outer, inner, heard } = open();
    const metrics: unknown[] = [];
    outer.on('metrics_collected', (one) => metrics.push(one));
    const event = await outer.recognize(new AudioFrame(new Int16Array(160), 16_000, 1, 160), AbortSignal.abort());
    expect(event.alternatives?.[0].text).toBe('element 26');
    expect(heard).toMatchObject([{ raw: 'element twee zes', final: true }]);
    expect(metrics).toHaveLength(1);
    expect(inner.seen.aborted).toBe(true);
  });

  it('has the capabilities, names and controls of the decorated one', async () => {
    const { inner, outer } = open();
    expect(outer.capabilities).toBe(inner.capabilities);
    expect([outer.label, outer.model, outer.provider]).toEqual(['NormalizedSTT<scripted>', 'model-1', 'vendor']);
    outer._updateSessionKeyterms(['cariës']);
    outer.prewarm();
    await outer.close();
    expect(inner.seen).toMatchObject({ keyterms: ['cariës'], prewarmed: true, closed: true });
    expect(inner.listenerCount('error')).toBe(0);
  });

  it("works around the framework's own fallback", async () => {
    const down = new stt.testing.FakeSTT({ label: 'down', fakeException: new APIConnectionError({ message: 'down' }) });
    const up = new stt.testing.FakeSTT({ label: 'up', fakeTranscript: 'regio achttien' });
    const fallback = new stt.FallbackAdapter({ sttInstances: [down, up], maxRetryPerSTT: 0 });
    const outer = new NormalizedSTT({ stt: fallback, normalizers: () => [pack] });
    onTestFinished(() => outer.close());
    const events = await drain(outer.stream({ connOptions: noRetry }));
    expect(events.map((event) => event.alternatives?.[0].text)).toEqual(['regio 18']);
  });
});
