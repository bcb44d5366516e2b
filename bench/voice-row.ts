import { epochMs } from '../scripts/caller.ts';
import type { Stack } from '../scripts/stack.ts';
import { usageOf } from './cpu-and-memory.ts';
import type { AgentKind, RunningAgent } from './voice-agents.ts';
import { type Call, join, settle } from './voice-call.ts';
import { type Interruption, measureInterruptions, measureSounds, type SoundOutcome } from './voice-interruptions.ts';
import { type LoadFigures, measureLoad } from './voice-load.ts';
import { measurePauses, type PausedTurn } from './voice-pauses.ts';
import { measureTurns, type TurnTimes } from './voice-turns.ts';
import { measureTyped, type TypedTurn } from './voice-typed.ts';

/** What was measured of one agent; what is absent could not be, for the reason in `notMeasured`. */
export interface Row {
  name: string;
  version?: string;
  endOfTurn: string;
  turns?: TurnTimes[];
  cpuSecondsPerMinute?: number;
  memoryMb?: number;
  pauses?: PausedTurn[];
  interruptions?: Interruption[];
  sounds?: SoundOutcome[];
  typed?: TypedTurn[];
  load: LoadFigures[];
  /** By part: why it was not measured. */
  notMeasured: Record<string, string>;
}

/** How much of everything is measured. */
export interface Amounts {
  turns: number;
  /** Numbers of calls at once; none for no such rows. */
  calls: readonly number[];
}

/** The parts of a row, as `--only` names them. */
export const parts = ['turns', 'pauses', 'barge-in', 'sounds', 'typed', 'load'] as const;
export type Part = (typeof parts)[number];

export interface RowOptions extends Amounts {
  only: readonly Part[];
  progress(line: string): void;
}

const loadTurns = 4;

/** Measures one agent part by part; a part that fails is told of in the row and doesn't keep the others from being measured. */
export async function measureRow(name: string, kind: AgentKind, stack: Stack, options: RowOptions): Promise<Row> {
  const row: Row = { name, endOfTurn: kind.endOfTurn, load: [], notMeasured: {} };
  let agent: RunningAgent | undefined;
  try {
    agent = await kind.start(stack, options);
    row.version = agent.version;
    await measureCalls(agent, row, kind, stack.sandboxUrl as string, options);
  } catch (error) {
    row.notMeasured.all = reasonOf(error);
  } finally {
    await agent?.stop();
  }
  return row;
}

async function measureCalls(agent: RunningAgent, row: Row, kind: AgentKind, sandboxUrl: string, options: RowOptions) {
  const { turns, calls, only, progress } = options;
  const part = async (which: Part, count: number, measure: (call: Call) => Promise<void>) => {
    if (!only.includes(which)) return;
    progress(`${row.name}: ${which}, ${count}`);
    // A call of its own for each part: what one leaves behind is not measured with the next.
    let call: Call | undefined;
    try {
      call = await join(agent);
      await settle(call);
      await measure(call);
    } catch (error) {
      row.notMeasured[which] = reasonOf(error);
      progress(`${row.name}: ${which} not measured: ${reasonOf(error)}`);
    } finally {
      await call?.caller.leave();
    }
  };
  await part('turns', turns, async (call) => {
    const [before, fromMs] = [usageOf(agent.groups()), epochMs()];
    row.turns = await measureTurns(call, sandboxUrl, turns);
    const [after, untilMs] = [usageOf(agent.groups()), epochMs()];
    row.cpuSecondsPerMinute = (after.cpuSeconds - before.cpuSeconds) / ((untilMs - fromMs) / 60_000);
    row.memoryMb = after.memoryMb;
  });
  const rounds = Math.ceil(turns / 5);
  await part('pauses', rounds * 6, async (call) => {
    row.pauses = await measurePauses(call, sandboxUrl, rounds);
  });
  const interruptions = Math.max(3, Math.round(turns * 0.8));
  await part('barge-in', interruptions, async (call) => {
    row.interruptions = await measureInterruptions(call, interruptions);
  });
  await part('sounds', turns * 2, async (call) => {
    row.sounds = await measureSounds(call, sandboxUrl, turns * 2);
  });
  if (kind.withoutTyping) row.notMeasured.typed = kind.withoutTyping;
  else
    await part('typed', turns, async (call) => {
      row.typed = await measureTyped(call, turns);
    });
  for (const count of only.includes('load') ? calls : []) {
    progress(`${row.name}: ${count} calls at once`);
    try {
      row.load.push(await measureLoad(agent, count, loadTurns));
    } catch (error) {
      row.notMeasured[`${count} calls`] = reasonOf(error);
    }
  }
}

/** The first line says it; what follows is a program's output. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
