import { z } from 'zod';
import { sizes } from '../core/limits.ts';

/**
 * Any JSON object: apps and agents agree among themselves on what is in it. Its depth is bounded, because what reads and
 * writes JSON does so recursively.
 */
export const preferenceValuesSchema = z
  .record(z.string(), z.unknown())
  .refine((values) => isWithinDepth(values, sizes.preferencesDepth), `is nested deeper than ${sizes.preferencesDepth}`)
  .meta({ id: 'Preferences' });

export type PreferenceValues = z.infer<typeof preferenceValuesSchema>;

/** Changes preferences as a JSON Merge Patch says (RFC 7396): null removes, objects are merged, the rest is replaced. */
export function mergePatch(target: PreferenceValues, patch: PreferenceValues): PreferenceValues {
  const merged = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    const before = merged.get(name);
    if (value === null) merged.delete(name);
    else merged.set(name, isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is PreferenceValues {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWithinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((child) => isWithinDepth(child, depth - 1));
}
