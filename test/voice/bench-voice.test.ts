import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type AgentKind, floor, parley } from '../../bench/voice-agents.ts';
import { join, settle } from '../../bench/voice-call.ts';
import { measureTurns, stages, type TurnTimes } from '../../bench/voice-turns.ts';
import type { Delays } from '../../sandbox/settings.ts';
import { quantile } from '../../scripts/table.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
const turns = 3;
const addedMs = 300;
const toleranceMs = 60;

const columns = Object.keys(stages) as (keyof typeof stages)[];

describe.skipIf(!shared)('the bench of voice turns', () => {
  let stack: LiveStack;
  let workerPid = 0;
  let usual: TurnTimes[];

  beforeAll(async () => {
    stack = await startLiveStack();
    workerPid = (await stack.startWorker()).process.pid;
    usual = await measure(floor);
  });

  // The machines are shared: after somebody else's burst of work, what is usual is measured anew.
  beforeEach(async ({ task }) => {
    if (task.result?.retryCount) usual = await measure(floor);
  });

  afterAll(() => stack.stop());

  test('divides all of the time from voice to voice among its columns', async () => {
    expect(usual).toHaveLength(turns);
    const speculating = await measure(parley);
    for (const turn of [...usual, ...speculating]) {
      const sum = columns.reduce((total, column) => total + turn[column], 0);
      expect(sum).toBeCloseTo(turn.voiceToVoiceMs, 3);
    }
    for (const turn of usual) for (const column of columns) expect(turn[column], column).toBeGreaterThan(0);
  });

  // The floor does one thing after the other; what is begun ahead of the end of a turn hides a slower vendor behind another one.
  test.each([
    ['sttFinalMs', 'sttMs'],
    ['llmFirstTokenMs', 'llmMs'],
    ['ttsFirstAudioMs', 'ttsMs'],
  ] as const)('shows a slower %s in its own column and in the whole', { retry: 2 }, async (delay, own) => {
    const { delays } = stack.sandbox.settings;
    const slow = await measure(floor, { [delay]: delays[delay] + addedMs });
    const movedMs = (key: keyof TurnTimes) => median(slow, key) - median(usual, key);
    for (const column of columns) {
      expect.soft(Math.abs(movedMs(column) - (column === own ? addedMs : 0)), column).toBeLessThan(toleranceMs);
    }
    expect.soft(Math.abs(movedMs('voiceToVoiceMs') - addedMs)).toBeLessThan(toleranceMs);
  });

  /** Speaks the turns in a new call. */
  async function measure(kind: AgentKind, changed: Partial<Delays> = {}): Promise<TurnTimes[]> {
    const { apiUrl, developmentToken, livekit, sandbox } = stack;
    const surroundings = { apiUrl, developmentToken, livekit, workerPid, sandboxUrl: sandbox.url };
    const { delays } = sandbox.settings;
    sandbox.settings.delays = { ...delays, ...changed };
    const agent = await kind.start(surroundings, { progress: () => {} });
    try {
      const call = await join(agent);
      await settle(call);
      const times = await measureTurns(call, sandbox.url, turns);
      await call.caller.leave();
      return times;
    } finally {
      await agent.stop();
      sandbox.settings.delays = delays;
    }
  }
});

function median(times: readonly TurnTimes[], key: keyof TurnTimes): number {
  return quantile(
    times.map((turn) => turn[key]),
    0.5,
  );
}
