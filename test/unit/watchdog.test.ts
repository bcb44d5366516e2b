import { EventEmitter } from 'node:events';
import { ReadableStream } from 'node:stream/web';
import { FlushSentinel, llm, voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { asideMark, SpokenAgent, withFiller } from '../../agents/turns/spoken-agent.ts';
import { TurnWatch } from '../../agents/turns/watchdog.ts';

const { AgentStateChanged, ConversationItemAdded, UserStateChanged } = voice.AgentSessionEventTypes;

describe('the watch over the turns of a call', () => {
  let session: EventEmitter;
  let watch: TurnWatch;
  let silences: number;

  beforeEach(() => {
    vi.useFakeTimers();
    session = new EventEmitter();
    silences = 0;
    watch = new TurnWatch(session as unknown as CallSession, {
      fillerAfterMs: 1_000,
      apologyAfterMs: 4_000,
      onSilence: () => {
        silences += 1;
      },
    });
  });
  afterEach(() => vi.useRealTimers());

  const turn = () =>
    session.emit(ConversationItemAdded, { item: llm.ChatMessage.create({ role: 'user', content: 'hi' }) });
  const speaks = () => session.emit(AgentStateChanged, { newState: 'speaking' });
  /** Reads a reply whose chunks the test gives. */
  const reply = () => {
    let put: (chunk: string) => void = () => {};
    let end: () => void = () => {};
    const source = new ReadableStream<string>({
      start(controller) {
        put = (chunk) => controller.enqueue(chunk);
        end = () => controller.close();
      },
    });
    const heard: unknown[] = [];
    const filled = withFiller(source, {
      due: (signal) => watch.fillerDue(signal),
      filler: () => 'One moment.',
    });
    void (async () => {
      for await (const chunk of filled) heard.push(chunk);
    })();
    return { put, end, heard };
  };
  const filler = [`${asideMark}One moment.`, FlushSentinel];

  it('lets an answer in time alone', async () => {
    turn();
    const { put, heard } = reply();
    await vi.advanceTimersByTimeAsync(900);
    put('Hello.');
    await vi.advanceTimersByTimeAsync(100);
    speaks();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual(['Hello.']);
    expect(silences).toBe(0);
  });

  it('fills a silence once, and apologises when nothing follows', async () => {
    turn();
    const { heard } = reply();
    await vi.advanceTimersByTimeAsync(1_100);
    expect(heard).toEqual(filler);
    speaks();
    await vi.advanceTimersByTimeAsync(2_800);
    expect(silences).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect([silences, heard]).toEqual([1, filler]);
  });

  it('does not apologise when the answer follows its filler', async () => {
    turn();
    const { put, heard } = reply();
    await vi.advanceTimersByTimeAsync(1_100);
    speaks();
    put('Here it is.');
    watch.replyBegun();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual([...filler, 'Here it is.']);
    expect(silences).toBe(0);
  });

  it('counts from the end of the turn, not from a request that was made ahead of it', async () => {
    const { heard } = reply();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard).toEqual([]);
    turn();
    await vi.advanceTimersByTimeAsync(900);
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(heard).toEqual(filler);
  });

  it('does not fill while the person goes on speaking', async () => {
    turn();
    session.emit(UserStateChanged, { newState: 'speaking' });
    const { heard } = reply();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(heard).toEqual([]);
    session.emit(UserStateChanged, { newState: 'listening' });
    await vi.advanceTimersByTimeAsync(100);
    expect(heard).toEqual(filler);
  });

  it('waits for a tool and for the answer to it', async () => {
    turn();
    await vi.advanceTimersByTimeAsync(1_000);
    const answered = watch.waitingFor(8_000);
    await vi.advanceTimersByTimeAsync(7_000);
    answered();
    await vi.advanceTimersByTimeAsync(3_900);
    expect(silences).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(silences).toBe(1);
  });

  it('waits for the last of several tools, and not for one of an earlier turn', async () => {
    turn();
    const [one, other] = [watch.waitingFor(8_000), watch.waitingFor(8_000)];
    one();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(silences).toBe(0);
    turn();
    other();
    await vi.advanceTimersByTimeAsync(4_100);
    expect(silences).toBe(1);
    watch.waitingFor(8_000)();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(silences).toBe(1);
  });

  it('waits less for a model that has left a turn to rules, for a minute', async () => {
    class Ruled extends SpokenAgent {
      protected override answerWithoutModel(): boolean {
        return true;
      }
    }
    const agent = new Ruled({ id: 'ruled', instructions: 'Answer.' });
    Object.assign(session, { currentAgent: agent });
    expect(agent.goOnWithoutModel()).toBe(true);
    turn();
    await vi.advanceTimersByTimeAsync(1_600);
    expect(silences).toBe(1);
    agent.goOnWithoutModel();
    await vi.advanceTimersByTimeAsync(60_000);
    turn();
    await vi.advanceTimersByTimeAsync(3_900);
    expect(silences).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(silences).toBe(2);
  });

  it('apologises for each turn that nothing is heard of', async () => {
    turn();
    await vi.advanceTimersByTimeAsync(4_100);
    turn();
    await vi.advanceTimersByTimeAsync(4_100);
    expect(silences).toBe(2);
  });
});
