import { createEnGeneral } from './en-general.ts';
import { createNlDental } from './nl-dental.ts';
import type { Pack } from './pack.ts';

/** Gives the bytes of a file that belongs to a pack, by its name. */
export type ReadAsset = (file: string) => Uint8Array;

/** How each pack is made, by its name. */
const packs: ReadonlyMap<string, (readAsset: ReadAsset) => Pack> = new Map([
  ['nl-dental', createNlDental],
  ['en-general', createEnGeneral],
]);

/** Every pack there is, the oldest first. */
export const packNames: readonly string[] = [...packs.keys()];

/**
 * Makes a pack.
 * @param readAsset gives the lexicon and the ordinary words of a pack; called while the pack is made, never later
 * @throws Error that names the known packs when there is none of that name, or the line of a lexicon that is not usable
 */
export function createPack(name: string, readAsset: ReadAsset): Pack {
  const create = packs.get(name);
  if (!create) throw new Error(`there is no normalization pack ${name}; known: ${packNames.join(', ')}`);
  return create(readAsset);
}
