import { z } from 'zod';

/** Any JSON object. */
export const preferenceValuesSchema = z.record(z.string(), z.json());

export type PreferenceValues = z.infer<typeof preferenceValuesSchema>;
