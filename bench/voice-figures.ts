import { quantile, renderTable } from '../scripts/table.ts';
import type { Row } from './voice-row.ts';
import { stages, type TurnTimes } from './voice-turns.ts';

/** What the bench found out. */
export interface Findings {
  mediaPathMs: readonly number[];
  rows: readonly Row[];
}

/** The figures as one JSON document; times in milliseconds. */
export function figuresOf({ mediaPathMs, rows }: Findings) {
  return { mediaPathMs: spreadOf(mediaPathMs), rows: rows.map(rowFigures) };
}

type RowFigures = ReturnType<typeof rowFigures>;

function rowFigures(row: Row) {
  const { turns, pauses, interruptions, sounds, typed } = row;
  const times = (key: keyof TurnTimes) => turns?.map((turn) => turn[key]) ?? [];
  const vendors = turns?.map(({ sttMs, llmMs, ttsMs }) => sttMs + llmMs + ttsMs) ?? [];
  return {
    name: row.name,
    version: row.version,
    endOfTurn: row.endOfTurn,
    turns: turns?.length ?? 0,
    voiceToVoiceMs: spreadOf(times('voiceToVoiceMs')),
    overheadMs: spreadOf(turns?.map(({ voiceToVoiceMs }, index) => voiceToVoiceMs - (vendors[index] ?? 0)) ?? []),
    vendorsMs: spreadOf(vendors)?.p50,
    stagesMs: turns && Object.fromEntries(keysOf(stages).map((key) => [key, spreadOf(times(key))?.p50])),
    pauses: pauses && {
      utterances: pauses.length,
      cutOff: pauses.filter(({ cutOff }) => cutOff).length,
      cutOffAfterOpenWords: pauses.filter(({ cutOff, open }) => cutOff && open).length,
    },
    bargeIn: interruptions && {
      count: interruptions.length,
      duckedMs: spreadOf(interruptions.map(({ duckedMs }) => duckedMs)),
      stoppedMs: spreadOf(interruptions.map(({ stoppedMs }) => stoppedMs)),
    },
    sounds: sounds && {
      count: sounds.length,
      stopped: sounds.filter(({ stopped }) => stopped).length,
      stoppedByCoughs: sounds.filter(({ stopped, kind }) => stopped && kind === 'cough').length,
      paused: sounds.filter(({ silentMs }) => silentMs > 0).length,
      silentMs: spreadOf(sounds.filter(({ silentMs }) => silentMs > 0).map(({ silentMs }) => silentMs)),
    },
    typed: typed && {
      count: typed.length,
      firstTranscriptMs: spreadOf(typed.map(({ firstTranscriptMs }) => firstTranscriptMs)),
      firstAudioMs: spreadOf(typed.map(({ firstAudioMs }) => firstAudioMs)),
    },
    cpuSecondsPerMinute: row.cpuSecondsPerMinute && Number(row.cpuSecondsPerMinute.toFixed(1)),
    memoryMb: row.memoryMb && Math.round(row.memoryMb),
    load: row.load.map((load) => ({
      calls: load.calls,
      failedJoins: load.failedJoins,
      joinMs: spreadOf(load.joinMs),
      voiceToVoiceMs: spreadOf(load.voiceToVoiceMs),
      cpuSecondsPerMinute: Number(load.cpuSecondsPerMinute.toFixed(1)),
      memoryMb: Math.round(load.memoryMb),
      memoryMbPerCall: Math.round(load.memoryMb / load.calls),
    })),
    notMeasured: row.notMeasured,
  };
}

/** Tables for people. */
export function tablesOf(findings: Findings): string {
  const { mediaPathMs, rows } = figuresOf(findings);
  return [
    "Milliseconds, measured from the caller's audio: median, and the 90th percentile where there are two.",
    table(rows, {
      'voice to voice': (row) => pair(row.voiceToVoiceMs),
      overhead: (row) => pair(row.overheadMs),
      'cut off': (row) => share(row.pauses?.cutOff, row.pauses?.utterances),
      ducked: (row) => pair(row.bargeIn?.duckedMs),
      stopped: (row) => pair(row.bargeIn?.stoppedMs),
      'ended by sounds': (row) => share(row.sounds?.stopped, row.sounds?.count),
      'silent for': (row) => pair(row.sounds?.silentMs ?? undefined),
      'typed: text': (row) => one(row.typed?.firstTranscriptMs?.p50),
      'typed: audio': (row) => one(row.typed?.firstAudioMs?.p50),
      'CPU s/min': (row) => one(row.cpuSecondsPerMinute),
      'memory MB': (row) => one(row.memoryMb),
    }),
    `media path (an agent that only echoes): ${pair(mediaPathMs)}`,
    'overhead: what the vendors (STT final, first token, first audio) took away; the wait for the end of the turn is in it,',
    'and what was begun ahead of the end makes it smaller. cut off: of the utterances with a thinking pause of 400-700 ms.',
    '',
    'Where the time went (decision is negative where the request was begun before the final transcript)',
    table(rows, {
      ...Object.fromEntries(
        keysOf(stages).map((key) => [stages[key], (row: RowFigures) => one(row.stagesMs?.[key])] as const),
      ),
    }),
    ...(rows.some(({ load }) => load.length) ? ['', 'Calls at once', loadTable(rows)] : []),
    '',
    'End of turn',
    ...rows.map(({ name, version, endOfTurn }) => `  ${name}${version ? ` (${version})` : ''}: ${endOfTurn}`),
    ...notMeasuredLines(rows),
  ].join('\n');
}

function table(rows: readonly RowFigures[], columns: Record<string, (row: RowFigures) => string>): string {
  const cells = rows.map((row) => [row.name, ...Object.values(columns).map((cell) => cell(row))]);
  return renderTable([['', ...Object.keys(columns)], ...cells]);
}

function loadTable(rows: readonly RowFigures[]): string {
  const head = ['', 'calls', 'failed', 'join', 'voice to voice', 'CPU s/min', 'memory MB', 'MB a call'];
  const cells = rows.flatMap(({ name, load }) =>
    load.map((each) => [
      name,
      ...[each.calls, each.failedJoins].map(String),
      ...[pair(each.joinMs), pair(each.voiceToVoiceMs)],
      ...[each.cpuSecondsPerMinute, each.memoryMb, each.memoryMbPerCall].map(String),
    ]),
  );
  return renderTable([head, ...cells]);
}

function notMeasuredLines(rows: readonly RowFigures[]): string[] {
  const lines = rows.flatMap(({ name, notMeasured }) =>
    Object.entries(notMeasured).map(([what, reason]) => `  ${name}, ${what}: ${reason.split('\n')[0]}`),
  );
  return lines.length ? ['', 'Not measured', ...lines] : [];
}

interface Spread {
  p50: number;
  p90: number;
}

function spreadOf(values: readonly number[]): Spread | undefined {
  if (!values.length) return undefined;
  return { p50: Math.round(quantile(values, 0.5)), p90: Math.round(quantile(values, 0.9)) };
}

function pair(spread: Spread | undefined): string {
  return spread ? `${spread.p50} / ${spread.p90}` : '-';
}

function one(value: number | undefined): string {
  return value === undefined ? '-' : String(value);
}

function share(count: number | undefined, of: number | undefined): string {
  return count === undefined ? '-' : `${count} of ${of}`;
}

function keysOf<Key extends string>(record: Record<Key, unknown>): Key[] {
  return Object.keys(record) as Key[];
}
