import { initializeLogger, llm, type metrics, voice } from '@livekit/agents';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Call } from '../../agents/call.ts';
import { TurnRecord } from '../../agents/turns/record.ts';
import { joinTranscripts, type Transcript } from '../../agents/turns/transcripts.ts';
import type { NewTurn, TurnReport } from '../../domain/conversation.ts';

const tooth: Transcript = {
  raw: 'element zesentwintig is gevuld',
  text: 'element 26 is gevuld',
  edits: [{ input: { start: 8, end: 20 }, output: { start: 8, end: 10 }, rule: 'tooth' }],
};
const surface: Transcript = {
  raw: 'mesio occlusaal',
  text: 'MO',
  edits: [{ input: { start: 0, end: 15 }, output: { start: 0, end: 2 }, rule: 'surface' }],
};
const plain: Transcript = { raw: 'goed zo', text: 'goed zo', edits: [] };

/** What each edit of a transcript replaced, and by what. */
function replacements({ raw, text, edits }: Transcript): [string, string][] {
  return edits.map(({ input, output }) => [raw.slice(input.start, input.end), text.slice(output.start, output.end)]);
}

describe('joinTranscripts', () => {
  test('joins by single spaces and moves the spans along', () => {
    const joined = joinTranscripts([plain, tooth, surface]);
    expect(joined.raw).toBe('goed zo element zesentwintig is gevuld mesio occlusaal');
    expect(joined.text).toBe('goed zo element 26 is gevuld MO');
    expect(replacements(joined)).toEqual([
      ['zesentwintig', '26'],
      ['mesio occlusaal', 'MO'],
    ]);
  });

  test('of one piece is that piece, of none is nothing, and leaves its input as it was', () => {
    const before = structuredClone(tooth);
    expect(joinTranscripts([tooth])).toEqual(before);
    joinTranscripts([plain, tooth]);
    expect(tooth).toEqual(before);
    expect(joinTranscripts([])).toEqual({ raw: '', text: '', edits: [] });
  });
});

describe('the record of a call', () => {
  let session: voice.AgentSession<Call>;
  let record: TurnRecord;
  let turns: NewTurn[];
  let reports: TurnReport[];

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  beforeEach(async () => {
    session = new voice.AgentSession<Call>({
      llm: new voice.testing.FakeLLM([{ input: tooth.text, content: 'noted', ttft: 0.05, duration: 0.06 }]),
      vad: null,
      turnHandling: { turnDetection: null },
    });
    turns = [];
    reports = [];
    record = new TurnRecord(session, {
      append: (turn) => turns.push(turn),
      report: (report) => reports.push(report),
    });
    await session.start({ agent: new voice.Agent<Call>({ id: 'tester', instructions: 'Answer.' }) });
    onTestFinished(() => session.close());
  });

  /** Has the session tell of a message as it does of every one it adds to the conversation. */
  function add(message: Parameters<typeof llm.ChatMessage.create>[0]): void {
    const item = llm.ChatMessage.create(message);
    session.emit(voice.AgentSessionEventTypes.ConversationItemAdded, voice.createConversationItemAddedEvent(item));
  }

  function measure(measured: metrics.AgentMetrics): void {
    session.emit(
      voice.AgentSessionEventTypes.MetricsCollected,
      voice.createMetricsCollectedEvent({ metrics: measured }),
    );
  }

  test('keeps a typed message with its raw text and edits, the answer, and reports on it once', async () => {
    record.typed(tooth);
    session.generateReply({ userInput: tooth.text });
    await expect.poll(() => turns.length).toBe(2);
    expect(turns).toEqual([
      expect.objectContaining({ speaker: 'user', text: tooth.text, raw: tooth.raw, edits: tooth.edits }),
      expect.objectContaining({ speaker: 'agent', agent: 'tester', text: 'noted', interrupted: false }),
    ]);
    expect(reports).toEqual([
      {
        turnId: turns[0]?.id,
        agent: 'tester',
        typed: true,
        interrupted: false,
        transcriptionDelayMs: null,
        endOfTurnDelayMs: null,
        ttftMs: expect.any(Number),
        ttfbMs: null,
        audioMs: null,
        waterfall: expect.objectContaining({ transcriptMs: null, firstTokenMs: null }),
      },
    ]);
    expect(reports[0]?.ttftMs).toBeGreaterThan(0);
    session.say('One more thing.');
    await expect.poll(() => turns.length).toBe(3);
    expect(reports).toHaveLength(1);
  });

  test('keeps a greeting without reporting on a turn nobody took', async () => {
    session.say('Welcome.');
    await expect.poll(() => turns).toEqual([expect.objectContaining({ speaker: 'agent', text: 'Welcome.' })]);
    expect(reports).toEqual([]);
  });

  test('joins what was heard of one turn and starts the next one empty', () => {
    record.heard(tooth);
    record.heard(surface);
    add({ role: 'user', content: 'element 26 is gevuld MO', createdAt: Date.UTC(2030, 0, 2) });
    record.heard(plain);
    add({ role: 'user', content: plain.text });
    expect(turns).toEqual([
      {
        id: expect.any(String),
        speaker: 'user',
        text: 'element 26 is gevuld MO',
        raw: 'element zesentwintig is gevuld mesio occlusaal',
        edits: joinTranscripts([tooth, surface]).edits,
        saidAt: '2030-01-02T00:00:00.000Z',
      },
      expect.objectContaining({ text: plain.text, raw: null, edits: [] }),
    ]);
    expect(turns[0]?.id).not.toBe(turns[1]?.id);
  });

  test('keeps a turn that nobody answers, and reports on none before it', () => {
    add({ role: 'user', content: plain.text });
    record.heard(plain);
    record.unanswered(tooth);
    record.unanswered(plain);
    add({ role: 'assistant', content: 'next' });
    expect(turns.map(({ text, raw, edits }) => ({ text, raw, edits }))).toEqual([
      { text: plain.text, raw: null, edits: [] },
      tooth,
      { text: plain.text, raw: null, edits: [] },
      { text: 'next', raw: undefined, edits: undefined },
    ]);
    expect(reports).toEqual([]);
  });

  test('leaves out spans that do not fit the text of the turn, and keeps both texts', () => {
    record.heard(tooth);
    add({ role: 'user', content: 'element 26' });
    expect(turns).toEqual([expect.objectContaining({ text: 'element 26', raw: tooth.raw, edits: [] })]);
  });

  test('does not mix a typed message with what is being heard', () => {
    record.heard(tooth);
    record.typed(plain);
    add({ role: 'user', content: plain.text });
    add({ role: 'user', content: tooth.text });
    expect(turns).toEqual([
      expect.objectContaining({ text: plain.text, raw: null }),
      expect.objectContaining({ text: tooth.text, raw: tooth.raw, edits: tooth.edits }),
    ]);
  });

  test('reports in milliseconds where the time of a spoken turn went, its audio added up', () => {
    record.heard(plain);
    add({ role: 'user', content: plain.text, metrics: { transcriptionDelay: 0.21, endOfTurnDelay: 0.5104 } });
    for (const audioDurationMs of [1_200, 800]) {
      measure({
        type: 'tts_metrics',
        label: 'voice',
        requestId: 'request',
        timestamp: Date.now(),
        ttfbMs: 90,
        durationMs: 100,
        audioDurationMs,
        cancelled: false,
        charactersCount: 10,
        streamed: true,
      });
    }
    add({ role: 'assistant', content: 'wel', interrupted: true, metrics: { llmNodeTtft: 0.3, ttsNodeTtfb: 0.08 } });
    expect(turns[1]).toMatchObject({ speaker: 'agent', text: 'wel', interrupted: true });
    expect(reports).toEqual([
      {
        turnId: turns[0]?.id,
        agent: 'tester',
        typed: false,
        interrupted: true,
        transcriptionDelayMs: 210,
        endOfTurnDelayMs: 510,
        ttftMs: 300,
        ttfbMs: 80,
        audioMs: 2_000,
        waterfall: expect.objectContaining({ transcriptMs: 210, endOfTurnMs: 510 }),
      },
    ]);
  });
});
