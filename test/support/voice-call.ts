import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import type { TranscriptDetail, Turn, TurnReport } from '../../domain/conversation.ts';
import type { Note } from '../../domain/note.ts';
import type { TokenRequest } from '../../domain/token.ts';
import { FrameAnalyser, frameMs } from '../../sandbox/speech/frames.ts';
import { Caller, callerSampleRateHz, epochMs, type Shown } from '../../scripts/caller.ts';
import type { LiveStack } from './live-stack.ts';

/** So long may an answer take on a busy machine; nothing is measured by it. */
export const patience = { timeout: 20_000, interval: 20 };
/** This much silence after a reply means that it is over. */
const silenceMs = 600;

/** One person in a spoken call, with everything that reached them. */
export interface VoiceCall {
  caller: Caller;
  sessionId: string;
  details: TranscriptDetail[];
  reports: TurnReport[];
  /** The note after each change by dictation. */
  notes: Note[];
  /** What the agent said, as the room showed it. */
  answers: Shown[];
  /** Each `lk.agent.state`, epoch milliseconds. */
  states: { state: string; atMs: number }[];
  /** Waits until the agent has answered so many turns since the call began, and is silent again. */
  answered(turns: number): Promise<void>;
  /** Waits until nothing has been heard for a while. */
  quiet(): Promise<void>;
  /** The record, as the API keeps it. */
  turns(): Promise<Turn[]>;
  /** Hangs up; done by itself at the end of the test. */
  leave(): Promise<void>;
}

/** Joins a new call with a microphone and listens to the greeting; `request` is what the token is asked for with. */
export async function joinVoiceCall(stack: LiveStack, request?: TokenRequest): Promise<VoiceCall> {
  const heard = {
    details: [] as TranscriptDetail[],
    reports: [] as TurnReport[],
    notes: [] as Note[],
    answers: [] as Shown[],
    states: [] as VoiceCall['states'],
  };
  const caller = new Caller({
    detail: (detail) => heard.details.push(detail),
    report: (report) => heard.reports.push(report),
    note: (note) => heard.notes.push(note),
    shown: (shown) => void (shown.speaker === 'agent' && heard.answers.push(shown)),
    state: (state) => heard.states.push({ state, atMs: epochMs() }),
  });
  const token = await stack.token(request);
  await caller.join(token.server_url, token.participant_token, { microphone: true });
  let left: Promise<void> | undefined;
  const leave = () => {
    left ??= caller.leave();
    return left;
  };
  onTestFinished(leave);
  const quiet = async () => {
    const since = epochMs();
    while (epochMs() - Math.max(since, caller.heard.voicedAtMs.at(-1) ?? 0) < silenceMs) await sleep(20);
  };
  await caller.waitForAgent(patience.timeout);
  await expect.poll(() => heard.answers.length, patience).toBe(1);
  await quiet();
  return {
    caller,
    sessionId: token.session_id,
    ...heard,
    quiet,
    leave,
    async answered(turns) {
      await expect.poll(() => heard.reports.length, patience).toBe(turns);
      await quiet();
    },
    async turns() {
      return ((await stack.get(`/api/v1/sessions/${token.session_id}/turns`)) as { turns: Turn[] }).turns;
    },
  };
}

/** White noise of a root mean square (of full scale 1), the same for the same seed, at the callers' rate. */
export function noise(ms: number, rms: number, seed: number): Int16Array {
  let state = seed;
  return Int16Array.from({ length: (callerSampleRateHz * ms) / 1_000 }, () => {
    // A linear congruential generator with the constants of Numerical Recipes.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round((state / 2 ** 31 - 1) * Math.sqrt(3) * rms * 32_767);
  });
}

/** Silence at the callers' rate. */
export function silence(ms: number): Int16Array {
  return new Int16Array((callerSampleRateHz * ms) / 1_000);
}

/** One recording after the other. */
export function joinSamples(...pieces: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/**
 * How much of the samples is voiced, judged as the stand-in of the recogniser judges what it receives. Its frames may begin
 * anywhere in them, so this is the mean over all places, to the millisecond.
 */
export function voicedMsOf(samples: Int16Array): number {
  let voicedMs = 0;
  for (let offsetMs = 0; offsetMs < frameMs; offsetMs++) {
    for (const { voiced } of new FrameAnalyser(callerSampleRateHz).frames(joinSamples(silence(offsetMs), samples))) {
      if (voiced) voicedMs += frameMs;
    }
  }
  return voicedMs / frameMs;
}
