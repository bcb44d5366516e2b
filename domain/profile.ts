import { z } from 'zod';
import { sizes } from '../core/limits.ts';

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

const line = (longest: number) =>
  z
    .string()
    .trim()
    .min(1, 'is empty: send null to clear it')
    .max(longest, `is longer than ${longest} characters`)
    .nullable()
    .optional();

/** What a change of a profile may hold: a field that is left out stays, null clears it. */
export const profileChangesSchema = z
  .strictObject({
    preferredName: line(80),
    goal: line(sizes.answerCharacters),
    language: z.enum(languages).nullable().optional(),
  })
  .meta({ id: 'ProfileChanges' });

export type ProfileChanges = z.infer<typeof profileChangesSchema>;
