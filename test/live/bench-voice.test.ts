import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
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
  let usual: TurnTimes[];

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
    usual = await measure();
  });

  // The machines are shared: after somebody else's burst of work, what is usual is measured anew.
  beforeEach(async ({ task }) => {
    if (task.result?.retryCount) usual = await measure();
  });

  afterAll(() => stack.stop());

  test('divides all of the time from voice to voice among its columns', () => {
    expect(usual).toHaveLength(turns);
    for (const turn of usual) {
      const sum = columns.reduce((total, column) => total + turn[column], 0);
      expect(sum).toBeCloseTo(turn.voiceToVoiceMs, 3);
      for (const column of columns) expect(turn[column]).toBeGreaterThan(0);
    }
  });

  test.each([
    ['sttFinalMs', 'sttMs'],
    ['llmFirstTokenMs', 'llmMs'],
    ['ttsFirstAudioMs', 'ttsMs'],
  ] as const)('shows a slower %s in its own column and in the whole', { retry: 2 }, async (delay, own) => {
    const { delays } = stack.sandbox.settings;
    const slow = await measure({ [delay]: delays[delay] + addedMs });
    const movedMs = (key: keyof TurnTimes) => median(slow, key) - median(usual, key);
    for (const column of columns) {
      expect.soft(Math.abs(movedMs(column) - (column === own ? addedMs : 0)), column).toBeLessThan(toleranceMs);
    }
    expect.soft(Math.abs(movedMs('voiceToVoiceMs') - addedMs)).toBeLessThan(toleranceMs);
  });

  /** Speaks the turns in a new call. */
  async function measure(changed: Partial<Delays> = {}): Promise<TurnTimes[]> {
    const { settings, url } = stack.sandbox;
    const { delays } = settings;
    settings.delays = { ...delays, ...changed };
    try {
      const { server_url, participant_token } = await stack.token();
      return await measureTurns({ serverUrl: server_url, token: participant_token }, url, turns);
    } finally {
      settings.delays = delays;
    }
  }
});

function median(times: readonly TurnTimes[], key: keyof TurnTimes): number {
  return quantile(
    times.map((turn) => turn[key]),
    0.5,
  );
}
