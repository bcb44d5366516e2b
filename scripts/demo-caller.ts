import { setTimeout as sleep } from 'node:timers/promises';
import type { TranscriptDetail, TurnReport } from '../domain/conversation.ts';
import type { TokenResponse } from '../domain/token.ts';
import { Caller, epochMs, lineSamples, type Shown } from './caller.ts';
import { runAsCaller, tellDemo } from './demo-process.ts';
import { type CallerMessage, type DemoTurn, type DemoTurnResult, typedTurns, voiceTurns } from './demo-turns.ts';

/** How long one answer may take before the conversation is given up. */
const answerTimeoutMs = 20_000;
/** This much of a reply is listened to before it is interrupted. */
const listenBeforeInterruptingMs = 2_000;
/** This much silence after a reply means that it is over. */
const silenceMs = 500;

/** One turn as it was held; what it came to is known once its report is there. */
interface Take {
  turn: DemoTurn;
  startedAtMs: number;
  saidAtMs: number;
  endedAtMs: number;
}

const { CALLER_API_URL = '', CALLER_TOKEN = '', CALLER_MODALITY } = process.env;
const spoken = CALLER_MODALITY === 'voice';
const seen = {
  details: [] as { atMs: number; detail: TranscriptDetail }[],
  reports: [] as TurnReport[],
  shown: [] as Shown[],
};

/** The simulated caller's process: gets a token as any client would, joins, holds the conversation, reports each turn. */
async function main(): Promise<void> {
  const caller = new Caller({
    report: (report) => seen.reports.push(report),
    detail: (detail) => {
      seen.details.push({ atMs: epochMs(), detail });
      if (detail.raw !== detail.text) tellLine('note', `normalized: ${detail.raw} -> ${detail.text}`);
    },
    shown: (shown) => {
      if (shown.speaker !== 'agent' || !shown.text.trim()) return;
      seen.shown.push(shown);
      tellLine('agent', shown.text.trim());
    },
  });
  const { server_url, participant_token } = await requestToken();
  await caller.join(server_url, participant_token, { microphone: spoken });
  await caller.waitForAgent(answerTimeoutMs);
  await until(() => seen.shown.length > 0, 'the agent did not greet');
  await quiet(caller);

  const turns = spoken ? voiceTurns : typedTurns;
  const takes: Take[] = [];
  let reported = 0;
  for (const [index, turn] of turns.entries()) {
    const take = await hold(caller, turn);
    takes.push(take);
    if (turns[index + 1]?.interrupts) {
      await until(
        () => caller.voicedMsBetween(take.saidAtMs, epochMs()) > listenBeforeInterruptingMs,
        'no answer to interrupt',
      );
      take.endedAtMs = epochMs();
      continue;
    }
    await until(() => seen.reports.length >= takes.length, `no answer to: ${turn.text}`);
    await quiet(caller);
    take.endedAtMs = epochMs();
    for (; reported < takes.length; reported++) tell({ type: 'turn', result: resultOf(takes, reported, caller) });
  }
  await caller.leave();
  await Caller.end();
}

async function requestToken(): Promise<TokenResponse> {
  const response = await fetch(`${CALLER_API_URL}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      room_config: { agents: [{ metadata: JSON.stringify({ modality: spoken ? 'voice' : 'text' }) }] },
    }),
  });
  if (!response.ok) throw new Error(`the token endpoint answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as TokenResponse;
}

async function hold(caller: Caller, turn: DemoTurn): Promise<Take> {
  const startedAtMs = epochMs();
  tellLine('caller', turn.line ? `(speaks) ${turn.text}` : `(types) ${turn.text}`);
  const saidAtMs = turn.line
    ? (await caller.speak(lineSamples(turn.line))).lastVoicedAtMs
    : await caller.type(turn.text);
  return { turn, startedAtMs, saidAtMs, endedAtMs: Infinity };
}

function resultOf(takes: readonly Take[], index: number, caller: Caller): DemoTurnResult {
  const take = takes[index] as Take;
  const next = takes[index + 1];
  const report = seen.reports[index] as TurnReport;
  const between = (atMs: number, from: number) => atMs >= from && atMs < (next?.saidAtMs ?? Infinity);
  const details = seen.details
    .filter(({ atMs }) => atMs >= take.startedAtMs && atMs < (next?.startedAtMs ?? Infinity))
    .map(({ detail }) => detail);
  const answers = seen.shown.filter((shown) => between(shown.firstTextAtMs, take.saidAtMs));
  const answeredAtMs = spoken ? caller.firstVoicedAfter(take.saidAtMs) : answers[0]?.firstTextAtMs;
  const goneOn = caller.heard.voicedAtMs.filter((at) => at >= take.startedAtMs && at <= take.saidAtMs).at(-1);
  return {
    typed: !take.turn.line,
    said: take.turn.text,
    heard: details.map((detail) => detail.text).join(' '),
    raw: details.map((detail) => detail.raw).join(' '),
    answered: answers.map((shown) => shown.text.trim()).join(' '),
    endOfTurnMs: report.endOfTurnDelayMs,
    firstTokenMs: report.ttftMs,
    firstAudioMs: report.ttfbMs,
    answerMs: answeredAtMs === undefined ? null : answeredAtMs - take.saidAtMs,
    audioMs: report.interrupted ? null : report.audioMs,
    voicedMs: spoken && !report.interrupted ? caller.voicedMsBetween(take.saidAtMs, take.endedAtMs) : null,
    stoppedAfterMs: take.turn.interrupts ? (goneOn ?? take.startedAtMs) - take.startedAtMs : null,
    saidAtMs: take.saidAtMs,
    endedAtMs: take.endedAtMs,
  };
}

async function until(condition: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + answerTimeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${otherwise} within ${answerTimeoutMs / 1_000} s`);
    await sleep(10);
  }
}

/** Waits until nothing has been heard for a while. */
async function quiet(caller: Caller): Promise<void> {
  const since = epochMs();
  await until(
    () => epochMs() - (caller.heard.voicedAtMs.at(-1) ?? since) > silenceMs,
    'the agent did not stop talking',
  );
}

function tellLine(speaker: 'caller' | 'agent' | 'note', text: string): void {
  tell({ type: 'line', speaker, text });
}

function tell(message: CallerMessage): void {
  tellDemo(message);
}

runAsCaller(main);
