import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, callerSampleRateHz, epochMs, type Heard, lineSamples } from '../scripts/caller.ts';
import { quantile } from '../scripts/table.ts';
import { type Call, firstVoicedAfter, quiet, sandboxEvents } from './voice-call.ts';

/** How an agent yielded, in milliseconds from the first voiced sample of whoever interrupts. */
export interface Interruption {
  /** To the last loud frame of the agent: it is silent or ducked from then on. */
  duckedMs: number;
  /** To its last voiced frame. */
  stoppedMs: number;
}

/** What a sound that is no turn did to an agent. */
export interface SoundOutcome {
  kind: 'cough' | 'mhm';
  /** The agent ended what it was saying. */
  stopped: boolean;
  /** Its silence, where it went on afterwards; 0 when it was not moved at all. */
  silentMs: number;
}

/** Longer silences of an agent are not the ones between its words. */
const gapMs = 250;
/** A frame below this share of the usual loudness is ducked. */
const duckedShare = 0.3;
const answersWithinMs = 1_500;
const observedMs = 4_000;
const storyTimeoutMs = 12_000;
const pauseTimeoutMs = 1_000;
/** How often a sound is made while one story lasts. */
const soundsPerStory = 5;

/** Has the agent tell a story and interrupts it with words, `count` times. @throws when it tells none */
export async function measureInterruptions({ caller }: Call, count: number): Promise<Interruption[]> {
  const interruptions: Interruption[] = [];
  for (let index = 0; index < count; index++) {
    await startStory(caller);
    // Not always at the same place of the story.
    await sleep(370 * (index % 4));
    await untilVoiced(caller);
    const { firstVoicedAtMs, lastVoicedAtMs } = await caller.speak(lineSamples('en-hold-on'));
    await firstVoicedAfter(caller, lastVoicedAtMs);
    await quiet(caller, 1_200);
    interruptions.push(interruptionOf(caller.heard, firstVoicedAtMs));
  }
  return interruptions;
}

/** When the agent was ducked and silent, from what was heard of it and when the interruption began (epoch milliseconds). */
export function interruptionOf({ voicedAtMs, loudness }: Heard, fromMs: number): Interruption {
  const before = loudness.filter((_, index) => isBetween(voicedAtMs[index] as number, fromMs - 2_000, fromMs));
  const loud = quantile(before, 0.9) * duckedShare;
  let [lastVoiced, lastLoud] = [fromMs, fromMs];
  for (const [index, at] of voicedAtMs.entries()) {
    if (at <= fromMs) continue;
    if (at - lastVoiced > gapMs) break;
    lastVoiced = at;
    if ((loudness[index] as number) > loud) lastLoud = at;
  }
  return { duckedMs: lastLoud - fromMs, stoppedMs: lastVoiced - fromMs };
}

/** Coughs and says "mhm" while the agent tells stories, `count` times. */
export async function measureSounds({ caller }: Call, sandboxUrl: string, count: number): Promise<SoundOutcome[]> {
  const made: { kind: SoundOutcome['kind']; atMs: number; resumedAfterMs: number | undefined }[] = [];
  let left = 0;
  for (let index = 0; index < count; index++) {
    if (left === 0) {
      await quietOrInterrupted(caller);
      await startStory(caller);
      left = soundsPerStory;
    }
    left -= 1;
    await untilVoiced(caller);
    const kind = index % 4 === 3 ? 'mhm' : 'cough';
    const { firstVoicedAtMs } = await caller.speak(kind === 'mhm' ? lineSamples('en-mhm') : cough(index));
    await sleep(observedMs);
    const resumedAfterMs = silenceAfter(caller.heard, firstVoicedAtMs);
    made.push({ kind, atMs: firstVoicedAtMs, resumedAfterMs });
    if (resumedAfterMs === undefined || !isSpeaking(caller)) left = 0;
  }
  await quietOrInterrupted(caller);
  const events = await sandboxEvents(sandboxUrl);
  return made.map(({ kind, atMs, resumedAfterMs }) => {
    const answered = events.some(
      (e) => e.vendor === 'anthropic' && e.event === 'request-received' && isBetween(e.atMs, atMs, atMs + observedMs),
    );
    // An answer to the sound itself is no continuation.
    const stopped = resumedAfterMs === undefined || (answered && resumedAfterMs > 0);
    return { kind, stopped, silentMs: stopped ? 0 : resumedAfterMs };
  });
}

/** Length of the agent's silence that a sound brought about: 0 for none, undefined when it did not go on. */
export function silenceAfter({ voicedAtMs }: Pick<Heard, 'voicedAtMs'>, fromMs: number): number | undefined {
  const voiced = voicedAtMs.filter((at) => at > fromMs - gapMs);
  for (const [index, at] of voiced.entries()) {
    if (at > fromMs + answersWithinMs) return 0;
    const next = voiced[index + 1];
    if (next === undefined) return undefined;
    if (next - at > gapMs) return next - at;
  }
  return undefined;
}

/** Asks for a story and waits until it is being told: an answer to something else is over sooner. */
async function startStory(caller: Caller): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const { lastVoicedAtMs } = await caller.speak(lineSamples('en-story'));
    const deadline = performance.now() + storyTimeoutMs;
    while (performance.now() < deadline) {
      await sleep(50);
      const now = epochMs();
      if (caller.voicedMsBetween(Math.max(lastVoicedAtMs, now - 5_000), now) > 2_500 && isSpeaking(caller)) return;
    }
    await quiet(caller, 1_200);
  }
  throw new Error('the agent told no story that could be interrupted');
}

/** An interruption between two words would look quicker than it is. */
async function untilVoiced(caller: Caller): Promise<void> {
  const deadline = performance.now() + pauseTimeoutMs;
  while (epochMs() - (caller.heard.voicedAtMs.at(-1) ?? 0) > 30 && performance.now() < deadline) await sleep(5);
}

function isSpeaking({ heard }: Caller): boolean {
  return epochMs() - (heard.voicedAtMs.at(-1) ?? 0) < gapMs;
}

/** A story that is still being told would run into whatever comes next. */
async function quietOrInterrupted(caller: Caller): Promise<void> {
  if (isSpeaking(caller)) await caller.speak(lineSamples('en-hold-on'));
  await quiet(caller, 1_200);
}

/** A burst of noise as of a cough: 150 to 230 ms, shorter than any recogniser takes for a word; another one for each number. */
export function cough(number: number): Int16Array {
  const lengthMs = 150 + (number % 5) * 20;
  let state = number + 1;
  let low = 0;
  const length = (callerSampleRateHz * lengthMs) / 1_000;
  return Int16Array.from({ length }, (_, index) => {
    // Park and Miller (1988), so that every run makes the same sounds; smoothed, as breath has little above 2 kHz.
    state = (state * 48_271) % 2_147_483_647;
    low += 0.45 * ((state / 2_147_483_647) * 2 - 1 - low);
    const attack = Math.min(1, index / (callerSampleRateHz * 0.01));
    return 16_000 * low * attack * (1 - index / length) ** 0.7;
  });
}

function isBetween(value: number, from: number, until: number): boolean {
  return value > from && value <= until;
}
