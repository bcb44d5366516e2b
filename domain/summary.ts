import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import type { Turn } from './conversation.ts';

/** What a session was about. */
export const summarySchema = z
  .object({
    sessionId: z.uuid().describe('The session it tells of.'),
    text: z.string(),
    throughPosition: z.int().describe('The last turn it tells of.'),
    model: z.string().describe('The language model that wrote it.'),
    writtenAt: z.iso.datetime(),
  })
  .meta({ id: 'Summary' });

export type Summary = z.infer<typeof summarySchema>;

/** A turn as a summarizer is told it. */
export type SaidTurn = Pick<Turn, 'speaker' | 'text'>;

/** Sums up what was said. */
export interface Summarizer {
  /**
   * What the turns were about, as a model wrote it.
   * @param turns in order, never empty
   * @throws AppError `unavailable` when no model answers: it can be asked again.
   */
  summarize(turns: readonly SaidTurn[]): Promise<{ text: string; model: string }>;
}

/** The end of a session that fits into one request: turns in order, the last one always. */
export function summaryMaterial(turns: readonly SaidTurn[]): SaidTurn[] {
  let characters = 0;
  let from = turns.length;
  while (from > 0) {
    characters += turns[from - 1]?.text.length ?? 0;
    if (from < turns.length && characters > sizes.summarySourceCharacters) break;
    from -= 1;
  }
  return turns.slice(from);
}

/** A model's text as it is kept: one paragraph without control characters, cut at a word if it is too long. */
export function plainSummary(text: string): string {
  const plain = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  if (plain.length <= sizes.summaryCharacters) return plain;
  const kept = plain.slice(0, sizes.summaryCharacters - 1);
  const lastSpace = kept.lastIndexOf(' ');
  return `${lastSpace > 0 ? kept.slice(0, lastSpace) : kept}…`;
}
