import { z } from 'zod';

/** A moment a client sends, as ISO 8601 with any offset. Years outside of 1000 to 9999 don't survive the way to a database and back. */
export const momentSchema = z.iso.datetime({ offset: true }).refine((at) => {
  const year = new Date(at).getUTCFullYear();
  return year >= 1_000 && year <= 9_999;
}, 'is before the year 1000 or after the year 9999');
