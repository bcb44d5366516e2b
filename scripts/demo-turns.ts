/** One thing the simulated caller does. */
export interface DemoTurn {
  /** Line of `sandbox/lines/` to speak, or undefined to type `text`. */
  line?: string;
  text: string;
  /** Speaks while the agent is still answering the turn before. */
  interrupts?: boolean;
}

/** The conversation of the demo: onboarding by voice, an interruption, a typed question, a Dutch dental finding. */
export const voiceTurns: readonly DemoTurn[] = [
  { line: 'en-set-up', text: 'hello I would like to set up my profile' },
  { line: 'en-name', text: 'please call me Robin' },
  { line: 'en-goal', text: 'I want to practise my presentations' },
  { line: 'en-hold-on', text: 'sorry please hold on for a moment', interrupts: true },
  { text: 'What do you know about me?' },
  { line: 'nl-dental', text: 'element zesentwintig mesio occlusaal karies' },
];

/** The same without a microphone. */
export const typedTurns: readonly DemoTurn[] = voiceTurns
  .filter((turn) => !turn.interrupts)
  .map(({ text }) => ({ text }));

/** What one turn came to; times in milliseconds, moments in epoch milliseconds. */
export interface DemoTurnResult {
  typed: boolean;
  said: string;
  /** What the room showed of it, after normalization. */
  heard: string;
  /** What the recogniser heard, before normalization. */
  raw: string;
  answered: string;
  /** The caller's last voiced sample, or the moment a message was sent. */
  saidAtMs: number;
  endOfTurnMs: number | null;
  firstTokenMs: number | null;
  firstAudioMs: number | null;
  /** Voice to voice: last voiced sample sent to first voiced frame received. Typed turns: message sent to first answer. */
  answerMs: number | null;
  /** Audio the TTS says it made, and voiced audio that arrived; null for a reply that was cut short or has no audio. */
  audioMs: number | null;
  voicedMs: number | null;
  /** How long the agent went on after the caller began to interrupt it. */
  stoppedAfterMs: number | null;
  /** When the next turn could begin. */
  endedAtMs: number;
}

/** Messages from the caller's process to the demo. */
export type CallerMessage =
  | { type: 'line'; speaker: 'caller' | 'agent' | 'note'; text: string }
  | { type: 'turn'; result: DemoTurnResult };
