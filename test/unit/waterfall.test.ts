import { initializeLogger, llm, type metrics, voice } from '@livekit/agents';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Call } from '../../agents/call.ts';
import { ReplyTimes } from '../../agents/telemetry/reply-times.ts';
import { type Speculations, Stopwatch } from '../../agents/telemetry/waterfall.ts';
import { AdoptingLLM } from '../../agents/turns/adopting-llm.ts';
import { TurnRecord } from '../../agents/turns/record.ts';
import { ShownText } from '../../agents/turns/shown-text.ts';
import { SpokenAgent } from '../../agents/turns/spoken-agent.ts';
import { type NewTurn, type TurnReport, waterfallSchema } from '../../domain/conversation.ts';

/** When the person stopped, epoch milliseconds. Everything in these tests is told from it. */
const stoppedAtMs = 1_800_000_000_000;

beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

describe('the first sentence of a reply', () => {
  test.each([
    [['Wel', 'come back. ', 'How are you?'], 'come back. '],
    [['It costs 2.', '50 or so', '. Is that', ' fine?'], '. Is that'],
    [['“Indeed.”', ' She left'], ' She left'],
    [['你好。', '再见'], '你好。'],
    [['\n', 'Yes', '\n', 'No'], '\n'],
    [['just', ' words'], 'the end'],
  ])('of %j is whole with %j', (chunks, completing) => {
    let now = 0;
    const reply = new ReplyTimes(() => now);
    const whole: string[] = [];
    for (const chunk of [...chunks, 'the end']) {
      now += 1;
      if (chunk === 'the end') reply.textEnded();
      else reply.text(chunk);
      if (reply.firstSentenceAtMs === now) whole.push(chunk);
    }
    expect(whole).toEqual([completing]);
  });
});

describe('the waterfall of a turn', () => {
  let session: voice.AgentSession<Call>;
  let stopwatch: Stopwatch;
  let speculations: Speculations[];
  let now: number;

  beforeEach(async () => {
    now = stoppedAtMs;
    session = new voice.AgentSession<Call>({
      llm: new voice.testing.FakeLLM(),
      vad: null,
      turnHandling: { turnDetection: null },
    });
    stopwatch = new Stopwatch(session, () => now);
    speculations = [];
    stopwatch.onSpeculations = (each) => speculations.push(each);
    await session.start({ agent: new voice.Agent<Call>({ instructions: 'Answer.' }) });
    onTestFinished(() => session.close());
  });

  const at = (offsetMs: number) => {
    now = stoppedAtMs + offsetMs;
  };
  const person = (text = 'hello') => llm.ChatMessage.create({ role: 'user', content: text });
  const contextOf = (...items: llm.ChatItem[]) => new llm.ChatContext(items);
  const spoken = { stoppedSpeakingAt: stoppedAtMs / 1_000, transcriptionDelay: 0.08, endOfTurnDelay: 0.3 };
  const answer = (given: Partial<Parameters<typeof llm.ChatMessage.create>[0]> = {}) =>
    llm.ChatMessage.create({ role: 'assistant', content: 'Hi.', ...given });
  const speaks = () =>
    session.emit(
      voice.AgentSessionEventTypes.AgentStateChanged,
      voice.createAgentStateChangedEvent('thinking', 'speaking'),
    );
  const measured = (given: object) =>
    session.emit(
      voice.AgentSessionEventTypes.MetricsCollected,
      voice.createMetricsCollectedEvent({ metrics: { label: '', timestamp: now, ...given } as metrics.AgentMetrics }),
    );
  const used = (tokens: [prompt: number, cached: number, completion: number], model = 'claude-haiku-4-5') =>
    measured({
      type: 'llm_metrics',
      promptTokens: tokens[0],
      promptCachedTokens: tokens[1],
      completionTokens: tokens[2],
      metadata: { modelProvider: 'anthropic', modelName: model },
    });

  test('has every stage, from the last sound of the person', () => {
    const settings = {};
    const message = person();
    at(310);
    const reply = stopwatch.replyBegun(settings, contextOf(message));
    const turn = stopwatch.begin(Object.assign(message, { metrics: spoken }));
    at(700);
    reply.text('Hello ');
    at(760);
    reply.text('there. Now');
    used([1_000, 900, 20]);
    at(930);
    stopwatch.replyOf(settings)?.audio();
    measured({
      type: 'tts_metrics',
      speechId: 'speech',
      audioDurationMs: 900,
      charactersCount: 20,
      metadata: { modelProvider: 'cartesia', modelName: 'sonic-3' },
    });
    at(990);
    speaks();
    at(1_900);
    const times = stopwatch.end(turn, answer());
    expect(times).toEqual({
      waterfall: {
        transcriptMs: 80,
        endOfTurnMs: 300,
        requestMs: 310,
        firstTokenMs: 700,
        firstSentenceMs: 760,
        firstAudioMs: 930,
        firstFrameMs: 990,
        vendors: { stt: null, llm: 'anthropic', tts: 'cartesia' },
        tokens: { prompt: 1_000, cached: 900, completion: 20 },
        costDollars: expect.closeTo((100 * 1 + 900 * 0.1 + 20 * 5 + 20 * 50) / 1e6, 10),
      },
      startedAtMs: stoppedAtMs,
      models: { stt: undefined, llm: 'claude-haiku-4-5', tts: 'sonic-3' },
    });
    expect(waterfallSchema.safeParse(times?.waterfall).success).toBe(true);
    expect(speculations).toEqual([]);
  });

  test('begins before the end of the turn where the reply was begun ahead, and counts what that cost', () => {
    const [dropped, first, final] = [person('hel'), person('hello'), person('Hello.')];
    at(-600);
    stopwatch.replyBegun({}, contextOf(dropped));
    stopwatch.requestMade(contextOf(dropped), { askedAtMs: now });
    used([500, 0, 3]);
    at(-200);
    const asked = { askedAtMs: now, firstTextAtMs: stoppedAtMs + 40 };
    stopwatch.replyBegun({}, contextOf(first));
    stopwatch.requestMade(contextOf(first), asked);
    // The final words differ in a full stop: the request is taken up for them.
    at(90);
    const reply = stopwatch.replyBegun({}, contextOf(final));
    stopwatch.requestMade(contextOf(final), asked);
    at(91);
    reply.text('Hi there. ');
    at(301);
    const turn = stopwatch.begin(Object.assign(final, { metrics: spoken }));
    used([500, 480, 10]);
    const heardAt = { metrics: { startedSpeakingAt: (stoppedAtMs + 350) / 1_000 } };
    const times = stopwatch.end(turn, answer(heardAt));
    expect(times?.waterfall).toMatchObject({ requestMs: -200, firstTokenMs: 40, firstSentenceMs: 91 });
    expect(times?.waterfall).toMatchObject({
      firstFrameMs: 350,
      tokens: { prompt: 1_000, cached: 480, completion: 13 },
    });
    expect(speculations).toEqual([{ used: 1, dropped: 1 }]);
  });

  test('of a typed message is counted from its arrival, without what only speech has', () => {
    const message = person();
    at(40);
    const reply = stopwatch.replyBegun({}, contextOf(message));
    stopwatch.requestMade(contextOf(message), { askedAtMs: now });
    at(50);
    const turn = stopwatch.begin(message, stoppedAtMs);
    at(400);
    reply.text('Yes');
    at(420);
    reply.textEnded();
    speaks();
    expect(stopwatch.end(turn, answer())?.waterfall).toEqual({
      transcriptMs: null,
      endOfTurnMs: null,
      requestMs: 40,
      firstTokenMs: 400,
      firstSentenceMs: 420,
      firstAudioMs: null,
      firstFrameMs: 420,
      vendors: { stt: null, llm: 'unknown', tts: null },
      tokens: { prompt: 0, cached: 0, completion: 0 },
      costDollars: 0,
    });
    expect(speculations).toEqual([]);
  });

  test('is that of the reply whose words were spoken, after one that only called a tool', () => {
    const message = person();
    at(310);
    stopwatch.replyBegun({}, contextOf(message));
    const turn = stopwatch.begin(Object.assign(message, { metrics: spoken }));
    const call = llm.FunctionCall.create({ callId: 'call', name: 'look', args: '{}' });
    at(900);
    const settings = {};
    const reply = stopwatch.replyBegun(settings, contextOf(message, call));
    stopwatch.requestMade(contextOf(message, call), { askedAtMs: now });
    at(1_200);
    reply.text('Done. ');
    at(1_300);
    stopwatch.replyOf(settings)?.audio();
    expect(stopwatch.end(turn, answer())?.waterfall).toMatchObject({
      requestMs: 900,
      firstTokenMs: 1_200,
      firstAudioMs: 1_300,
      firstFrameMs: null,
    });
  });

  test('leaves alone what was used before: for a greeting, a dictated line, an unknown price', () => {
    used([1_000, 0, 10], 'claude-of-tomorrow');
    expect(stopwatch.end(undefined, answer())).toBeUndefined();
    used([1_000, 0, 10]);
    stopwatch.skip();
    const turn = stopwatch.begin(Object.assign(person(), { metrics: spoken }));
    used([10, 0, 1]);
    used([10, 0, 1], 'claude-of-tomorrow');
    const { waterfall } = stopwatch.end(turn, answer()) ?? {};
    expect(waterfall).toMatchObject({ tokens: { prompt: 20, cached: 0, completion: 2 }, costDollars: null });
    expect(stopwatch.replyOf({})).toBeUndefined();
  });
});

describe('in a session', () => {
  test('the waterfall of an answer is kept with it and reported, as an agent passes it through', async () => {
    const model = new voice.testing.FakeLLM([
      { input: 'hello', content: 'Good day. Come in.', ttft: 0.05, duration: 0.1 },
    ]);
    let record: TurnRecord | undefined;
    const session = new voice.AgentSession<Call>({
      llm: new AdoptingLLM(model, (chatCtx, times) => record?.stopwatch.requestMade(chatCtx, times)),
      vad: null,
      turnHandling: { turnDetection: null },
    });
    const turns: NewTurn[] = [];
    const reports: TurnReport[] = [];
    record = new TurnRecord(session, {
      append: (turn) => turns.push(turn),
      report: (report) => reports.push(report),
    });
    session.userData = { stopwatch: record.stopwatch, shown: new ShownText(), recovered: () => {} } as unknown as Call;
    await session.start({ agent: new SpokenAgent({ id: 'tester', instructions: 'Answer.' }) });
    onTestFinished(() => session.close());
    record.typed({ raw: 'hello', text: 'hello', edits: [] });
    session.generateReply({ userInput: 'hello' });
    await expect.poll(() => reports.length).toBe(1);
    const waterfall = waterfallSchema.parse(reports[0]?.waterfall);
    const { requestMs, firstTokenMs, firstSentenceMs } = waterfall;
    expect(requestMs).toBeGreaterThanOrEqual(0);
    expect(firstTokenMs).toBeGreaterThanOrEqual(requestMs ?? 0);
    expect(firstSentenceMs).toBeGreaterThanOrEqual(firstTokenMs ?? 0);
    expect(waterfall).toMatchObject({ transcriptMs: null, firstAudioMs: null, vendors: { stt: null, tts: null } });
    expect(turns.map(({ speaker, latency }) => [speaker, latency])).toEqual([
      ['user', undefined],
      ['agent', waterfall],
    ]);
  });
});
