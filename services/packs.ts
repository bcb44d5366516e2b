import { readPackAsset } from '../core/assets.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import { createPack } from '../domain/normalization/packs.ts';

/** The normalization packs of a process by their names, in the order of its settings. */
export type Packs = ReadonlyMap<string, Pack>;

/** Makes the packs of a process, once. @throws Error that names the packs there are when one of these is not among them. */
export function loadPacks(names: readonly string[]): Packs {
  return new Map(names.map((name) => [name, createPack(name, readPackAsset)]));
}
