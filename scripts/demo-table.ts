import type { DemoTurnResult } from './demo-turns.ts';
import { quantile, renderTable } from './table.ts';

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
  return renderTable([head, ...rows]);
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} ms`;
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}
