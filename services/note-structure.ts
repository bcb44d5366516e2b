import { readPackAsset } from '../core/assets.ts';
import { createStructureNote, type StructureNote } from '../domain/dictation/structure-note.ts';
import { parseLexicon } from '../domain/normalization/lexicon.ts';
import { createPack } from '../domain/normalization/packs.ts';
import type { Packs } from './packs.ts';

/** The pack whose notes are read as data. */
const name = 'nl-dental';

/** Makes the reader of dental notes, once a process. @param packs those of the process */
export function loadStructureNote(packs: Packs): StructureNote {
  const pack = packs.get(name) ?? createPack(name, readPackAsset);
  const lexicon = new TextDecoder().decode(readPackAsset(`${name}-lexicon.tsv`));
  return createStructureNote(pack.normalizer(), parseLexicon(lexicon));
}
