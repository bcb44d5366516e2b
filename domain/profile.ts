import { z } from 'zod';

/** Languages an agent can hold a conversation in (BCP 47). */
export const languages = ['en', 'nl'] as const;

/** What an agent may know about the person it talks with. */
export const profileSchema = z
  .object({
    userId: z.uuid(),
    preferredName: z.string().nullable(),
    language: z.enum(languages).nullable(),
    goal: z.string().nullable(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile' });

export type Profile = z.infer<typeof profileSchema>;
