import { asLanguageCode, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Speculation } from '../../agents/turns/speculate.ts';

const { INTERIM_TRANSCRIPT, FINAL_TRANSCRIPT, PREFLIGHT_TRANSCRIPT, START_OF_SPEECH } = stt.SpeechEventType;

describe('speculation', () => {
  let put: (event: stt.SpeechEvent | undefined) => void;
  let told: [stt.SpeechEventType, string][];
  let ended: Promise<void>;

  beforeEach(() => {
    vi.useFakeTimers();
    const events: (stt.SpeechEvent | undefined)[] = [];
    let wake = () => {};
    put = (event) => {
      events.push(event);
      wake();
    };
    const source = {
      async next(): Promise<IteratorResult<stt.SpeechEvent>> {
        while (!events.length) await new Promise<void>((resolve) => (wake = resolve));
        const value = events.shift();
        return value ? { done: false, value } : { done: true, value: undefined };
      },
    };
    const speculation = new Speculation(source, { stableForMs: 60, minWords: 2 });
    told = [];
    ended = (async () => {
      for (let result = await speculation.next(); !result.done; result = await speculation.next()) {
        told.push([result.value.type, result.value.alternatives?.[0].text ?? '']);
      }
    })();
  });

  afterEach(async () => {
    put(undefined);
    await ended;
    vi.useRealTimers();
  });

  const say = async (type: stt.SpeechEventType, text = '') => {
    const language = asLanguageCode('en');
    const data = { text, language, startTime: 0, endTime: 1, confidence: 1 };
    put(text ? { type, alternatives: [data] } : { type });
    await vi.advanceTimersByTimeAsync(0);
  };
  const preflights = () => told.filter(([type]) => type === PREFLIGHT_TRANSCRIPT).map(([, text]) => text);

  it('tells of an interim transcript that stands for long enough, once, and lets everything else through in order', async () => {
    await say(START_OF_SPEECH);
    await say(INTERIM_TRANSCRIPT, 'tell me');
    await vi.advanceTimersByTimeAsync(59);
    await say(INTERIM_TRANSCRIPT, 'tell me about Paris');
    await vi.advanceTimersByTimeAsync(61);
    await say(INTERIM_TRANSCRIPT, 'tell me about Paris');
    await vi.advanceTimersByTimeAsync(100);
    await say(FINAL_TRANSCRIPT, 'Tell me about Paris.');
    expect(told).toEqual([
      [START_OF_SPEECH, ''],
      [INTERIM_TRANSCRIPT, 'tell me'],
      [INTERIM_TRANSCRIPT, 'tell me about Paris'],
      [PREFLIGHT_TRANSCRIPT, 'tell me about Paris'],
      [INTERIM_TRANSCRIPT, 'tell me about Paris'],
      [FINAL_TRANSCRIPT, 'Tell me about Paris.'],
    ]);
  });

  it('leaves words alone that break off, single words, and what a final transcript has overtaken', async () => {
    await say(INTERIM_TRANSCRIPT, 'tell me about the');
    await vi.advanceTimersByTimeAsync(100);
    await say(INTERIM_TRANSCRIPT, 'hello');
    await vi.advanceTimersByTimeAsync(100);
    await say(INTERIM_TRANSCRIPT, 'hello there');
    await say(FINAL_TRANSCRIPT, 'hello there');
    await vi.advanceTimersByTimeAsync(100);
    expect(preflights()).toEqual([]);
  });

  it('begins anew with the next utterance, even when it is the same words', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      await say(INTERIM_TRANSCRIPT, 'good morning');
      await vi.advanceTimersByTimeAsync(61);
      await say(FINAL_TRANSCRIPT, 'good morning');
    }
    expect(preflights()).toEqual(['good morning', 'good morning']);
  });
});
