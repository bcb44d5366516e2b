import type { OnboardingAnswers, OnboardingState } from '../domain/onboarding.ts';
import type { SandboxEvent } from '../sandbox/log.ts';
import type { DemoTurnResult } from './demo-turns.ts';
import { entry, startProcess } from './processes.ts';
import type { Stack } from './stack.ts';

/** An agent that was interrupted must be silent by then. */
const stopLimitMs = 1_000;
/** How far the audio received may be from the audio made. */
const lengthTolerance = 0.2;

/** What went wrong in the conversation, a sentence each; empty when all is well. */
export async function failuresOf(results: readonly DemoTurnResult[], stack: Stack): Promise<string[]> {
  const failures: string[] = [];
  const made = stack.sandboxUrl && stack.ttsIsStandIn ? await contextsOf(stack.sandboxUrl) : undefined;
  for (const [index, result] of results.entries()) {
    const turn = `turn ${index + 1}`;
    if (!result.answered || result.answerMs === null) failures.push(`${turn} got no answer`);
    if (result.stoppedAfterMs !== null && result.stoppedAfterMs > stopLimitMs) {
      failures.push(`${turn}: the agent went on for ${Math.round(result.stoppedAfterMs)} ms after being interrupted`);
    }
    if (result.voicedMs === null) continue;
    const expectedMs = made ? voicedMade(made, result) : result.audioMs;
    if (!expectedMs || Math.abs(result.voicedMs - expectedMs) > expectedMs * lengthTolerance) {
      failures.push(`${turn}: ${result.voicedMs} ms of voiced audio arrived of ${Math.round(expectedMs ?? 0)} ms made`);
    }
  }
  return failures;
}

/** Starts a new API process on the data folder and asks it for the onboarding steps that were saved. */
export async function stepsOfNewProcess(stack: Stack, dataDir: string): Promise<OnboardingAnswers> {
  const { command, args } = entry('scripts/local');
  let apiUrl = '';
  const api = await startProcess({
    name: 'the new API process',
    command,
    args: [...args, '--api-only', '--json', '--data-dir', dataDir],
    env: {
      PATH: process.env.PATH,
      LIVEKIT_URL: stack.livekit.url,
      LIVEKIT_API_KEY: stack.livekit.apiKey,
      LIVEKIT_API_SECRET: stack.livekit.apiSecret,
      DEVELOPMENT_TOKEN: stack.developmentToken,
    },
    readyLine: /"apiUrl"/,
    onLine: (line) => {
      if (line.includes('"apiUrl"')) apiUrl = (JSON.parse(line) as { apiUrl: string }).apiUrl;
    },
  });
  try {
    const response = await fetch(`${apiUrl}/api/v1/onboarding`, {
      headers: { authorization: `Bearer ${stack.developmentToken}` },
    });
    if (!response.ok)
      throw new Error(`The new API process answered ${response.status} when asked for the saved steps.`);
    return ((await response.json()) as OnboardingState).answers;
  } finally {
    await api.stop();
  }
}

/** What is missing from the steps that were read back. */
export function failuresOfReadBack(steps: OnboardingAnswers): string[] {
  return (['preferred_name', 'goal'] as const)
    .filter((step) => !steps[step])
    .map((step) => `the onboarding step ${step} could not be read back`);
}

/** What the stand-in voices began and finished speaking. */
async function contextsOf(sandboxUrl: string): Promise<{ startedAtMs: number; voicedMs: number }[]> {
  const response = await fetch(`${sandboxUrl}/sandbox/log`);
  const events = (await response.json()) as SandboxEvent[];
  // A voice that is asked piece by piece has no contexts, and is told by the number of its request.
  const keyOf = ({ vendor, connection, contextId = '' }: SandboxEvent) => `${vendor} ${contextId || connection}`;
  const startedAtMs = new Map(
    events.filter(({ event }) => event === 'context-started').map((event) => [keyOf(event), event.atMs]),
  );
  return events
    .filter(({ event }) => event === 'context-completed')
    .map((event) => ({ startedAtMs: startedAtMs.get(keyOf(event)) ?? 0, voicedMs: Number(event.voicedMs) }));
}

/** By their start: the voice goes on with a reply that is being interrupted until the caller's words confirm it. */
function voicedMade(contexts: readonly { startedAtMs: number; voicedMs: number }[], result: DemoTurnResult): number {
  return contexts
    .filter(({ startedAtMs }) => startedAtMs > result.saidAtMs && startedAtMs < result.endedAtMs)
    .reduce((sum, { voicedMs }) => sum + voicedMs, 0);
}
