import { setTimeout as sleep } from 'node:timers/promises';
import { epochMs } from '../scripts/caller.ts';
import { usageOf } from './cpu-and-memory.ts';
import type { RunningAgent } from './voice-agents.ts';
import { type Call, join, settle } from './voice-call.ts';
import { speakTurns } from './voice-turns.ts';

/** Several calls with one agent at once. */
export interface LoadFigures {
  calls: number;
  /** Calls that no agent came to. */
  failedJoins: number;
  joinMs: number[];
  voiceToVoiceMs: number[];
  /** All calls together. */
  cpuSecondsPerMinute: number;
  /** All processes of the agent, while the calls last. */
  memoryMb: number;
}

/** Callers don't all speak at the same moment. */
const staggerMs = 700;
const leaveMs = 3_000;

/** Joins `calls` calls at once and speaks `turns` turns in each. */
export async function measureLoad(agent: RunningAgent, calls: number, turns: number): Promise<LoadFigures> {
  const attempts = await Promise.allSettled(Array.from({ length: calls }, () => join(agent)));
  const joined = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  try {
    await Promise.all(joined.map(settle));
    const [before, fromMs] = [usageOf(agent.groups()), epochMs()];
    const spoken = await Promise.allSettled(joined.map((call, index) => speak(call, index, turns)));
    const [after, untilMs] = [usageOf(agent.groups()), epochMs()];
    return {
      calls,
      failedJoins: calls - joined.length,
      joinMs: joined.map(({ joinMs }) => joinMs),
      voiceToVoiceMs: spoken.flatMap((turn) => (turn.status === 'fulfilled' ? turn.value : [])),
      cpuSecondsPerMinute: (after.cpuSeconds - before.cpuSeconds) / ((untilMs - fromMs) / 60_000),
      memoryMb: after.memoryMb,
    };
  } finally {
    await Promise.all(joined.map(({ caller }) => caller.leave()));
    // What the calls leave behind must not be counted with the next ones.
    await sleep(leaveMs);
  }
}

async function speak(call: Call, index: number, turns: number): Promise<number[]> {
  await sleep((index * staggerMs) % 5_000);
  const moments = await speakTurns(call, turns);
  return moments.map(({ saidAtMs, answeredAtMs }) => answeredAtMs - saidAtMs);
}
