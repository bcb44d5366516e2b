import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxEvent } from '../sandbox/log.ts';
import { Caller, epochMs, type Shown } from '../scripts/caller.ts';
import type { RunningAgent } from './voice-agents.ts';

const joinTimeoutMs = 60_000;
const answerTimeoutMs = 20_000;
/** Silence of the agent after which it is done. */
const silenceMs = 600;
/** What an agent warms up in the background once a call has begun must not be measured with the call. */
const settleMs = 3_000;

/** A caller in a room with an agent that listens. */
export interface Call {
  caller: Caller;
  /** From asking for a way in to an agent that listens. */
  joinMs: number;
  /** What the room showed as text, in the order in which it was complete. */
  shown: Shown[];
}

/** Calls an agent and waits until it listens. */
export async function join(agent: RunningAgent): Promise<Call> {
  const shown: Shown[] = [];
  const caller = new Caller({ shown: (piece) => void shown.push(piece) });
  const startedAtMs = epochMs();
  try {
    const { serverUrl, token } = await agent.enter();
    await caller.join(serverUrl, token, { microphone: true });
    await caller.waitForAgent(joinTimeoutMs);
  } catch (error) {
    await caller.leave();
    throw error;
  }
  return { caller, joinMs: epochMs() - startedAtMs, shown };
}

/** Waits until the agent has warmed up and said what it says first. */
export async function settle({ caller }: Call): Promise<void> {
  await sleep(settleMs);
  await quiet(caller);
}

/** When the agent's first voiced frame after a moment arrived. @throws when none comes */
export async function firstVoicedAfter(caller: Caller, momentMs: number): Promise<number> {
  const deadline = performance.now() + answerTimeoutMs;
  for (;;) {
    const at = caller.firstVoicedAfter(momentMs);
    if (at !== undefined) return at;
    if (performance.now() > deadline) throw new Error(`no answer within ${answerTimeoutMs / 1_000} s`);
    await sleep(5);
  }
}

/** Resolves once the agent has been silent for a while. */
export async function quiet(caller: Caller, forMs = silenceMs): Promise<void> {
  const since = epochMs();
  while (epochMs() - Math.max(caller.heard.voicedAtMs.at(-1) ?? 0, since) < forMs) await sleep(20);
}

/** What the stand-ins saw so far. */
export async function sandboxEvents(sandboxUrl: string): Promise<SandboxEvent[]> {
  const response = await fetch(`${sandboxUrl}/sandbox/log`);
  return (await response.json()) as SandboxEvent[];
}
