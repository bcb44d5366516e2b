import { z } from 'zod';

/** One line that a person wrote, without the space around it. */
export function line(longestCharacters: number) {
  return z
    .string()
    .max(longestCharacters, `is longer than ${longestCharacters} characters`)
    .regex(/\S/, 'is empty')
    .trim();
}
