import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';

/** A fact is proposed by an agent, and kept once the person agrees; one that is declined or forgotten is gone. */
export const factStates = ['proposed', 'kept'] as const;

export type FactState = (typeof factStates)[number];

/** Something worth knowing in a later call, as an agent proposes it. */
export const newFactSchema = z
  .strictObject({
    id: z.uuid().describe('Idempotency key: the same fact again changes nothing.'),
    text: line(sizes.factCharacters),
  })
  .meta({ id: 'NewFact' });

export type NewFact = z.infer<typeof newFactSchema>;

/** What is remembered of a person, with where it comes from. */
export const factSchema = z
  .object({
    id: z.uuid(),
    text: z.string(),
    state: z.enum(factStates),
    agent: z.string().describe('The agent that proposed it.'),
    sourceSessionId: z.uuid().nullable().describe('The session it was said in; null once that is gone.'),
    proposedAt: z.iso.datetime(),
    keptAt: z.iso.datetime().nullable().describe('When the person agreed; null while it is only proposed.'),
  })
  .meta({ id: 'Fact' });

export type Fact = z.infer<typeof factSchema>;

/** Sent on `topics.memory` when something is proposed, kept or forgotten in a call; `text` is null for what is gone. */
export const memoryNewsSchema = z.object({
  id: z.uuid(),
  text: z.string().nullable(),
  state: z.enum([...factStates, 'forgotten']),
});

export type MemoryNews = z.infer<typeof memoryNewsSchema>;
