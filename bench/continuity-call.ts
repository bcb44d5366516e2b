import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Turn } from '../domain/conversation.ts';
import type { OnboardingState } from '../domain/onboarding.ts';
import { Caller, epochMs } from '../scripts/caller.ts';
import { firstVoicedAfter, quiet } from './voice-call.ts';
import type { WorkerStack } from './worker-stack.ts';

const joinTimeoutMs = 60_000;
const answerTimeoutMs = 20_000;
/** What an agent warms up once a call has begun must not be met by what happens to the call. */
const settleMs = 3_000;

/** What became of one call whose process was killed. */
export interface Outcome {
  /** From the kill to the first audio of the next agent. */
  silentMs: number;
  /** Turns that were kept before the kill and are not there any more. */
  lostTurns: number;
  /** Answers that were kept twice. */
  repeatedAnswers: number;
  /** Writes of tools beyond one for each answer of the person. */
  doubledWrites: number;
  /** Whether the same agent went on at the same step. */
  wentOn: boolean;
}

/** What is done to a call. */
export interface Loss {
  /** Once the call has begun. */
  prepare(): Promise<void>;
  kill(): void;
}

/** Talks a person into the middle of the onboarding, has the process of the call killed, and talks on. */
export async function callThrough(stack: WorkerStack, { prepare, kill }: Loss): Promise<Outcome> {
  const state = await ask<OnboardingState>(stack, 'POST', '/api/v1/onboarding/restart');
  const { serverUrl, token, sessionId } = await stack.entrance();
  const answers: string[] = [];
  const caller = new Caller({ shown: ({ speaker, text }) => void (speaker === 'agent' && answers.push(text.trim())) });
  const turns = async () => (await ask<{ turns: Turn[] }>(stack, 'GET', `/api/v1/sessions/${sessionId}/turns`)).turns;
  const say = async (text: string, answer: string) => {
    await caller.type(text);
    const deadline = performance.now() + answerTimeoutMs;
    while (!answers.some((each) => each.includes(answer))) {
      if (performance.now() > deadline) return false;
      await sleep(20);
    }
    await quiet(caller);
    return true;
  };
  try {
    await caller.join(serverUrl, token, { microphone: true });
    const lost = await caller.waitForAgent(joinTimeoutMs);
    await Promise.all([prepare(), sleep(settleMs)]);
    await quiet(caller);
    const isReady =
      (await say('hello I would like to set up my profile', 'What would you like me to call you?')) &&
      (await say('please call me Robin', 'What would you like to use our conversations for?'));
    if (!isReady) throw new Error('the call did not come to the point at which its process is killed');
    const before = await turns();
    const killedAtMs = epochMs();
    kill();
    // Audio of the lost agent may be on its way still, for as long as the caller's buffers are.
    const nextAtMs = await nextAgentAt(caller, lost, answerTimeoutMs);
    if (nextAtMs === undefined) throw new Error('nobody came back to the call');
    const silentMs = (await firstVoicedAfter(caller, nextAtMs)) - killedAtMs;
    await quiet(caller);
    const wentOn = await say('I want to practise my presentations', 'Which language shall we speak');
    const [after, { version }] = [await turns(), await ask<OnboardingState>(stack, 'GET', '/api/v1/onboarding')];
    const replies = after.filter(({ speaker }) => speaker === 'agent').map(({ text }) => text);
    return {
      silentMs,
      lostTurns: before.filter(({ id }) => !after.some((turn) => turn.id === id)).length,
      repeatedAnswers: replies.length - new Set(replies).size,
      doubledWrites: version - state.version - 2,
      wentOn,
    };
  } finally {
    await caller.leave();
  }
}

/** Whether anybody comes back to a call of an agent that has no backend. */
export async function isFollowed(
  entrance: { serverUrl: string; token: string },
  { kill, patienceMs }: { kill: () => void; patienceMs: number },
): Promise<boolean> {
  const caller = new Caller();
  try {
    await caller.join(entrance.serverUrl, entrance.token, { microphone: true });
    const lost = await caller.waitForAgent(joinTimeoutMs);
    await sleep(settleMs);
    kill();
    return (await nextAgentAt(caller, lost, patienceMs)) !== undefined;
  } finally {
    await caller.leave();
  }
}

/** When another agent than the lost one was in the room, epoch milliseconds; undefined when none comes. */
async function nextAgentAt({ room }: Caller, lost: string, patienceMs: number): Promise<number | undefined> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if ([...room.remoteParticipants.keys()].some((identity) => identity !== lost)) return epochMs();
    await sleep(20);
  }
  return undefined;
}

/** Kills the one process of a worker that is in a call: only that one has threads of WebRTC. Linux alone tells. */
export function killJob(workerPid: number): void {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || parentOf(entry) !== workerPid) continue;
    if (!threadsOf(entry).includes('network_thread')) continue;
    process.kill(Number(entry), 'SIGKILL');
    return;
  }
  throw new Error('no process of the worker is in a call');
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function threadsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((task) => read(`/proc/${pid}/task/${task}/comm`).trim());
  } catch {
    return [];
  }
}

/** Empty for a process or thread that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function ask<T>({ apiUrl, developmentToken }: WorkerStack, method: string, path: string): Promise<T> {
  const response = await fetch(`${apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${developmentToken}` },
  });
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}`);
  return (await response.json()) as T;
}
