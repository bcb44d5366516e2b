import type { Recovery, TranscriptDetail, TurnReport } from '../domain/conversation.ts';

/** From and to, in milliseconds since the call began. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/** One thing that happened in a call. `atMs` and spans are in milliseconds since it began. */
export type TimelineEvent =
  | ({ type: 'spoken'; text: string; interrupts: boolean; awaited: boolean } & Span)
  | { type: 'typed'; atMs: number; text: string; awaited: boolean }
  /** The script asks for silence: nobody is late meanwhile. */
  | ({ type: 'waited' } & Span)
  | { type: 'joined' | 'left'; atMs: number }
  | { type: 'shown'; atMs: number; text: string }
  | ({ type: 'understood'; atMs: number } & Pick<TranscriptDetail, 'raw' | 'text' | 'typed'>)
  | { type: 'state'; atMs: number; state: string }
  | { type: 'report'; atMs: number; report: TurnReport }
  | { type: 'recovery'; atMs: number; recovery: Recovery }
  | { type: 'note'; atMs: number }
  | { type: 'network'; atMs: number; forwarded: number; dropped: number }
  /** The script could not go on: what it waited for did not come. */
  | { type: 'stuck'; atMs: number; message: string };

/** Everything that reached the caller, and all they did. */
export interface Timeline {
  sessionId: string;
  /** Epoch milliseconds of offset 0. */
  startedAtMs: number;
  events: TimelineEvent[];
  /** Stretches in which the agent was heard, from `voicedSpans`. */
  heard: Span[];
}

/** Frames no farther apart are one stretch: the gap between two words is no end. */
const longestGapMs = 200;

/** Stretches of voiced frames. @param frameMs length of a frame */
export function voicedSpans(voicedAtMs: readonly number[], frameMs: number): Span[] {
  const spans: Span[] = [];
  for (const atMs of voicedAtMs) {
    const last = spans.at(-1);
    if (last && atMs - last.toMs <= longestGapMs) last.toMs = atMs + frameMs;
    else spans.push({ fromMs: atMs, toMs: atMs + frameMs });
  }
  return spans;
}

/** The events of one kind, in order. */
export function eventsOf<Type extends TimelineEvent['type']>(
  { events }: Pick<Timeline, 'events'>,
  type: Type,
): Extract<TimelineEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<TimelineEvent, { type: Type }> => event.type === type);
}

/** When an event began. */
export function beginOf(event: TimelineEvent): number {
  return 'fromMs' in event ? event.fromMs : event.atMs;
}

/** What the agents said, a line each, in the order in which it was begun. */
export function agentLines(timeline: Pick<Timeline, 'events'>): string[] {
  return eventsOf(timeline, 'shown')
    .sort((one, other) => one.atMs - other.atMs)
    .map(({ text }) => text);
}

/** The whole conversation as text, a line each turn, for people and for judges. */
export function transcriptOf(timeline: Pick<Timeline, 'events'>): string {
  return [...timeline.events]
    .sort((one, other) => beginOf(one) - beginOf(other))
    .flatMap((event) => {
      if (event.type === 'shown') return [`agent: ${event.text}`];
      return event.type === 'spoken' || event.type === 'typed' ? [`caller: ${event.text}`] : [];
    })
    .join('\n');
}
