import { createNlDental } from './nl-dental.ts';
import type { Normalizer } from './result.ts';

/** How each pack is made, by its name. */
const packs = new Map<string, (readAsset: (file: string) => string) => Normalizer>([['nl-dental', createNlDental]]);

/**
 * Makes the normalizer of a pack.
 * @param readAsset gives the text of a file in `domain/normalization/`; called while the pack is made, never later
 * @throws Error that names the known packs when there is none of that name, or the line of a lexicon that is not usable
 */
export function createNormalizer(pack: string, readAsset: (file: string) => string): Normalizer {
  const create = packs.get(pack);
  if (!create) throw new Error(`there is no normalization pack ${pack}; known: ${[...packs.keys()].join(', ')}`);
  return create(readAsset);
}
