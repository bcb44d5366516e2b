import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type AgentKind, floor, parley } from '../../bench/voice-agents.ts';
import { join, settle } from '../../bench/voice-call.ts';
import { measureTurns, stages, type TurnTimes } from '../../bench/voice-turns.ts';
import type { Delays } from '../../sandbox/settings.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
/** More than any stage takes by itself, on a machine that is not standing still. */
const addedMs = 2_000;

/** What each vendor can be late with, and where that is to be seen. */
const late = { sttFinalMs: 'sttMs', llmFirstTokenMs: 'llmMs', ttsFirstAudioMs: 'ttsMs' } as const;
const columns = Object.keys(stages) as (keyof typeof stages)[];

describe.skipIf(!shared)('the bench of voice turns', () => {
  let stack: LiveStack;
  let workerPid = 0;

  beforeAll(async () => {
    stack = await startLiveStack();
    workerPid = (await stack.startWorker()).process.pid;
  });

  afterAll(() => stack.stop());

  test('divides all of the time from voice to voice among its columns', async () => {
    const usual = await measure(floor, [{}, {}]);
    const speculating = await measure(parley, [{}, {}]);
    expect([usual, speculating].map(({ length }) => length)).toEqual([2, 2]);
    for (const turn of [...usual, ...speculating]) {
      const sum = columns.reduce((total, column) => total + turn[column], 0);
      expect(sum).toBeCloseTo(turn.voiceToVoiceMs, 3);
    }
    for (const turn of usual) for (const column of columns) expect(turn[column], column).toBeGreaterThan(0);
  });

  // The floor does one thing after the other; what is begun ahead of the end of a turn hides a slower vendor behind another one.
  test('shows a slower vendor in its own column, and not in others', async () => {
    const { delays } = stack.sandbox.settings;
    const names = Object.keys(late) as (keyof typeof late)[];
    const slow = await measure(
      floor,
      names.map((name) => ({ [name]: delays[name] + addedMs })),
    );
    for (const [index, name] of names.entries()) {
      const isLate = columns.filter((column) => (slow[index]?.[column] ?? 0) > addedMs);
      expect(isLate, name).toEqual([late[name]]);
    }
  });

  /** Speaks a turn for each change of the delays, in a new call. */
  async function measure(kind: AgentKind, changes: readonly Partial<Delays>[]): Promise<TurnTimes[]> {
    const { apiUrl, developmentToken, livekit, sandbox } = stack;
    const surroundings = { apiUrl, developmentToken, livekit, workerPid, sandboxUrl: sandbox.url };
    const { delays } = sandbox.settings;
    const agent = await kind.start(surroundings, { progress: () => {} });
    try {
      const call = await join(agent);
      await settle(call);
      const times: TurnTimes[] = [];
      for (const changed of changes) {
        sandbox.settings.delays = { ...delays, ...changed };
        times.push(...(await measureTurns(call, sandbox.url, 1)));
      }
      await call.caller.leave();
      return times;
    } finally {
      await agent.stop();
      sandbox.settings.delays = delays;
    }
  }
});
