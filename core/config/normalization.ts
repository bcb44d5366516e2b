import { names } from './environment.ts';

/** Packs that rewrite what is said, typed or recorded into the notation of a field. */
export const normalizationVariables = {
  NORMALIZATION_PACKS: names.default(['nl-dental']),
};
