import { z } from 'zod';

/** A moment a client sends, as ISO 8601 with any offset, in a year of four digits: a database knows no year 0. */
export const momentSchema = z.iso.datetime({ offset: true }).refine((at) => {
  const year = new Date(at).getUTCFullYear();
  return year >= 1 && year <= 9_999;
}, 'is before the year 1 or after the year 9999');
