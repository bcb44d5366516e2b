import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxEvent } from '../sandbox/log.ts';
import { Caller, epochMs, lineSamples } from '../scripts/caller.ts';

/** Where a spoken turn's time went, in milliseconds; the stages add up to `voiceToVoiceMs`. */
export interface TurnTimes {
  voiceToVoiceMs: number;
  /** Caller's last voiced sample sent -> it arrived at the STT. */
  uplinkMs: number;
  /** -> the STT's final transcript sent. */
  sttMs: number;
  /** -> the LLM's request received: transcript handling, and waiting for the end of the turn unless it is spent ahead. */
  decisionMs: number;
  /** -> its first token sent. */
  llmMs: number;
  /** -> first text at the TTS: what is left of the wait for the end of the turn, and cutting the first sentence. */
  textMs: number;
  /** -> its first audio sent. */
  ttsMs: number;
  /** -> first voiced frame at the caller. */
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
const answerTimeoutMs = 20_000;
const silenceMs = 600;

/** How to get into a room with the agent that is measured. */
export interface Entrance {
  serverUrl: string;
  token: string;
}

/** Speaks `count` turns with an agent that answers and says where the time of each went. */
export async function measureTurns(entrance: Entrance, sandboxUrl: string, count: number): Promise<TurnTimes[]> {
  const caller = new Caller();
  await caller.join(entrance.serverUrl, entrance.token, { microphone: true });
  await caller.waitForAgent(answerTimeoutMs);
  await sleep(1_500);
  await quiet(caller);
  const moments: { saidAtMs: number; answeredAtMs: number }[] = [];
  for (let turn = 0; turn < count; turn++) {
    const { lastVoicedAtMs } = await caller.speak(lineSamples(lines[turn % lines.length] as string));
    const answeredAtMs = await firstVoicedAfter(caller, lastVoicedAtMs);
    moments.push({ saidAtMs: lastVoicedAtMs, answeredAtMs });
    await quiet(caller);
  }
  await caller.leave();
  const events = (await (await fetch(`${sandboxUrl}/sandbox/log`)).json()) as SandboxEvent[];
  return moments.map(({ saidAtMs, answeredAtMs }) => timesOf(events, saidAtMs, answeredAtMs));
}

/** Speaks `count` lines to an agent that echoes: milliseconds from the first voiced sample sent to the first one back. */
export async function measureEcho(entrance: Entrance, count: number): Promise<number[]> {
  const caller = new Caller();
  await caller.join(entrance.serverUrl, entrance.token, { microphone: true });
  await caller.waitForAgent(answerTimeoutMs);
  await sleep(1_500);
  const roundTrips: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const startedAtMs = epochMs();
    const { firstVoicedAtMs } = await caller.speak(lineSamples(lines[turn % lines.length] as string));
    roundTrips.push((await firstVoicedAfter(caller, startedAtMs)) - firstVoicedAtMs);
    await quiet(caller);
  }
  await caller.leave();
  return roundTrips;
}

function timesOf(events: readonly SandboxEvent[], saidAtMs: number, answeredAtMs: number): TurnTimes {
  const last = (vendor: string, event: string, beforeMs: number): SandboxEvent => {
    const found = events.findLast(
      (e) => e.vendor === vendor && e.event === event && e.atMs <= beforeMs && e.atMs > saidAtMs,
    );
    if (!found) throw new Error(`the stand-ins' log has no ${event} of ${vendor} for a turn`);
    return found;
  };
  const audio = last('cartesia', 'first-audio-sent', answeredAtMs).atMs;
  const text = last('cartesia', 'context-started', audio).atMs;
  const token = last('anthropic', 'first-token-sent', text).atMs;
  const request = last('anthropic', 'request-received', token).atMs;
  const final = last('deepgram', 'final-sent', request);
  const arrived = Number(final.lastVoicedAtMs);
  return {
    voiceToVoiceMs: answeredAtMs - saidAtMs,
    uplinkMs: arrived - saidAtMs,
    sttMs: final.atMs - arrived,
    decisionMs: request - final.atMs,
    llmMs: token - request,
    textMs: text - token,
    ttsMs: audio - text,
    playoutMs: answeredAtMs - audio,
  };
}

async function firstVoicedAfter(caller: Caller, momentMs: number): Promise<number> {
  const deadline = performance.now() + answerTimeoutMs;
  for (;;) {
    const at = caller.firstVoicedAfter(momentMs);
    if (at !== undefined) return at;
    if (performance.now() > deadline) throw new Error(`no answer within ${answerTimeoutMs / 1_000} s`);
    await sleep(5);
  }
}

async function quiet(caller: Caller): Promise<void> {
  const since = epochMs();
  while (epochMs() - (caller.heard.voicedAtMs.at(-1) ?? since) < silenceMs) await sleep(20);
}
