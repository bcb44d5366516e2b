import type { DemoTurnResult } from './demo-turns.ts';

/** The conversation's figures as one JSON document: each turn, and the middle and the worst of the spoken answers. */
export function figuresOf(results: readonly DemoTurnResult[]) {
  const spoken = results.flatMap((result) => (result.typed || result.answerMs === null ? [] : [result.answerMs]));
  return {
    turns: results.map(({ saidAtMs, endedAtMs, ...result }) => result),
    voiceToVoiceMs: spoken.length
      ? { p50: Math.round(quantile(spoken, 0.5)), max: Math.round(Math.max(...spoken)) }
      : null,
  };
}

/** The conversation as a table for people. */
export function tableOf(results: readonly DemoTurnResult[]): string {
  const spoken = results.some((result) => !result.typed);
  const head = [
    '#',
    'how',
    'heard',
    'answered',
    'end of turn',
    'first token',
    'first audio',
    spoken ? 'voice-to-voice' : 'first text',
  ];
  const rows = results.map((result, index) => [
    String(index + 1),
    result.typed
      ? 'typed'
      : result.stoppedAfterMs === null
        ? 'spoken'
        : `cut in, stopped after ${Math.round(result.stoppedAfterMs)} ms`,
    shorten(result.heard, 38),
    shorten(result.answered, 34),
    ...[result.endOfTurnMs, result.firstTokenMs, result.firstAudioMs, result.answerMs].map(milliseconds),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** The value below which a share of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} ms`;
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}
