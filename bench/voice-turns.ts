import type { SandboxEvent } from '../sandbox/log.ts';
import { epochMs, lineSamples } from '../scripts/caller.ts';
import { type Call, firstVoicedAfter, quiet, sandboxEvents } from './voice-call.ts';

/** How to get into a room with an agent. */
export interface Entrance {
  serverUrl: string;
  token: string;
}

/** Where a spoken turn's time went, in milliseconds; the stages add up to `voiceToVoiceMs`. */
export interface TurnTimes {
  voiceToVoiceMs: number;
  /** Caller's last voiced sample sent -> it arrived at the STT. */
  uplinkMs: number;
  /** -> the STT's final transcript sent. */
  sttMs: number;
  /** -> the LLM's request received: transcript handling, and waiting for the end of the turn; negative when it was begun ahead. */
  decisionMs: number;
  /** -> its first token sent. */
  llmMs: number;
  /** -> first text at the TTS: what is left of the wait for the end of the turn, and cutting the first sentence. */
  textMs: number;
  /** -> its first audio sent. */
  ttsMs: number;
  /** -> first voiced frame at the caller: what is left of the wait where the audio was made ahead, and the way back. */
  playoutMs: number;
}

/** The stages in order, with the titles of their columns. */
export const stages = {
  uplinkMs: 'uplink',
  sttMs: 'STT',
  decisionMs: 'decision',
  llmMs: 'LLM',
  textMs: 'text',
  ttsMs: 'TTS',
  playoutMs: 'playout',
} as const satisfies Partial<Record<keyof TurnTimes, string>>;

/** Lines that are answered in a sentence or two. */
const lines = ['en-what-can-you-do', 'en-weather', 'en-reminder'];

/** When one turn began, was over, and was answered, epoch milliseconds. */
export interface TurnMoments {
  begunAtMs: number;
  saidAtMs: number;
  answeredAtMs: number;
}

/** Speaks `count` turns. */
export async function speakTurns({ caller }: Call, count: number): Promise<TurnMoments[]> {
  const moments: TurnMoments[] = [];
  for (let turn = 0; turn < count; turn++) {
    const spoken = await caller.speak(lineSamples(lines[turn % lines.length] as string));
    const answeredAtMs = await firstVoicedAfter(caller, spoken.lastVoicedAtMs);
    moments.push({ begunAtMs: spoken.firstVoicedAtMs, saidAtMs: spoken.lastVoicedAtMs, answeredAtMs });
    await quiet(caller);
  }
  return moments;
}

/** Speaks `count` turns and says where the time of each went. */
export async function measureTurns(call: Call, sandboxUrl: string, count: number): Promise<TurnTimes[]> {
  const moments = await speakTurns(call, count);
  const events = await sandboxEvents(sandboxUrl);
  return moments.map((turn) => timesOf(events, turn));
}

/** Speaks `count` lines to an agent that echoes: milliseconds from the first voiced sample sent to the first one back. */
export async function measureEcho({ caller }: Call, count: number): Promise<number[]> {
  const roundTrips: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const startedAtMs = epochMs();
    const { firstVoicedAtMs } = await caller.speak(lineSamples(lines[turn % lines.length] as string));
    roundTrips.push((await firstVoicedAfter(caller, startedAtMs)) - firstVoicedAtMs);
    await quiet(caller);
  }
  return roundTrips;
}

/** Follows the answer that was heard back through the stand-ins' log: its audio, its text, its request, and the final transcript. */
export function timesOf(
  events: readonly SandboxEvent[],
  { begunAtMs, saidAtMs, answeredAtMs }: TurnMoments,
): TurnTimes {
  const last = (
    [vendor, event]: [string, string],
    [afterMs, beforeMs]: [number, number],
    isIt: (found: SandboxEvent) => boolean = () => true,
  ): SandboxEvent => {
    const found = events.findLast(
      (e) => e.vendor === vendor && e.event === event && e.atMs > afterMs && e.atMs <= beforeMs && isIt(e),
    );
    if (!found) throw new Error(`the stand-ins' log has no ${event} of ${vendor} for a turn`);
    return found;
  };
  const audio = last(['cartesia', 'first-audio-sent'], [begunAtMs, answeredAtMs]);
  const text = last(['cartesia', 'context-started'], [begunAtMs, audio.atMs], (e) => e.contextId === audio.contextId);
  const token = last(['anthropic', 'first-token-sent'], [begunAtMs, text.atMs]);
  const isOfToken = (e: SandboxEvent) => e.connection === token.connection;
  const request = last(['anthropic', 'request-received'], [begunAtMs, token.atMs], isOfToken);
  const final = last(['deepgram', 'final-sent'], [saidAtMs, answeredAtMs], (e) => Number(e.words) > 0);
  const arrivedAtMs = Number(final.lastVoicedAtMs);
  return {
    voiceToVoiceMs: answeredAtMs - saidAtMs,
    uplinkMs: arrivedAtMs - saidAtMs,
    sttMs: final.atMs - arrivedAtMs,
    decisionMs: request.atMs - final.atMs,
    llmMs: token.atMs - request.atMs,
    textMs: text.atMs - token.atMs,
    ttsMs: audio.atMs - text.atMs,
    playoutMs: answeredAtMs - audio.atMs,
  };
}
