import { eventsOf, type Span, type Timeline } from './timeline.ts';

/**
 * How long each answer took that the script waited for: end of what was said to its first audio, or its first text where nothing is
 * heard. What is answered in another way, as dictation is by the note, has none.
 */
export function answerDelaysMs(timeline: Timeline): number[] {
  const said = [
    ...eventsOf(timeline, 'spoken').map(({ fromMs, toMs, awaited }) => ({ fromMs, toMs, awaited })),
    ...eventsOf(timeline, 'typed').map(({ atMs, awaited }) => ({ fromMs: atMs, toMs: atMs, awaited })),
  ].sort((one, other) => one.fromMs - other.fromMs);
  const texts = eventsOf(timeline, 'shown').map(({ atMs }) => atMs);
  const begins = timeline.heard.length ? timeline.heard.map(({ fromMs }) => fromMs) : texts;
  return said.flatMap(({ toMs, awaited }, index) => {
    const untilMs = said[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    const begun = begins.filter((beginMs) => beginMs > toMs && beginMs < untilMs);
    return awaited && begun.length ? [Math.min(...begun) - toMs] : [];
  });
}

/** How long each agent went on that somebody spoke over. */
export function stopDelaysMs({ events, heard }: Timeline): number[] {
  return eventsOf({ events }, 'spoken')
    .filter(({ interrupts }) => interrupts)
    .map(({ fromMs, toMs }) => {
      const over = heard.filter((span) => span.fromMs < toMs && span.toMs > fromMs);
      return Math.max(0, ...over.map((span) => Math.min(span.toMs, toMs) - fromMs));
    });
}

/** The longest time in which nobody was heard, from the first sound of the agent to the end; the script's own pauses are left out. */
export function longestSilenceMs(timeline: Timeline): number {
  const spans: Span[] = [...timeline.heard, ...eventsOf(timeline, 'spoken'), ...eventsOf(timeline, 'waited')].sort(
    (one, other) => one.fromMs - other.fromMs,
  );
  let longest = 0;
  let endMs = spans[0]?.toMs ?? 0;
  for (const { fromMs, toMs } of spans) {
    longest = Math.max(longest, fromMs - endMs);
    endMs = Math.max(endMs, toMs);
  }
  return longest;
}
