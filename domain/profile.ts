import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';

/** Languages an agent can hold a conversation in (BCP 47). */
export const languages = ['en', 'nl'] as const;

/** What an agent may know about the person it talks with. */
export const profileSchema = z
  .object({
    userId: z.uuid(),
    preferredName: z.string().nullable(),
    language: z.enum(languages).nullable(),
    goal: z.string().nullable(),
    version: z.int(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile' });

export type Profile = z.infer<typeof profileSchema>;

/** What a change of a profile may hold: a field that is left out stays, null clears it. */
export const profileChangesSchema = z
  .strictObject({
    preferredName: line(sizes.nameCharacters).nullable().optional(),
    goal: line(sizes.answerCharacters).nullable().optional(),
    language: z.enum(languages).nullable().optional(),
  })
  .meta({ id: 'ProfileChanges' });

export type ProfileChanges = z.infer<typeof profileChangesSchema>;
