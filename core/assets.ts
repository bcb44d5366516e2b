import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Absolute path of a file that is not code (SQL, WAV, TSV), named from the project's root. Compiled files live one
 * folder deeper than their source; both find the root by its `package.json`, so nothing has to be copied.
 */
export function assetPath(...segments: string[]): string {
  return join(projectRoot(), ...segments);
}

/**
 * Bytes of a file of the normalization packs: a lexicon lies beside the source, what the build derives from packages
 * (`nl-words.bin`) beside the compiled files.
 * @throws Error that says to build, where that was not done yet
 */
export function readPackAsset(file: string): Uint8Array {
  const source = assetPath('domain', 'normalization', file);
  if (existsSync(source)) return readFileSync(source);
  const built = assetPath('dist', 'domain', 'normalization', file);
  if (existsSync(built)) return readFileSync(built);
  throw new Error(`${file} of the normalization packs is not made yet: run \`npm run build\``);
}

let root: string | undefined;

function projectRoot(): string {
  if (root) return root;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('No package.json above the program: was only a part of it copied?');
    folder = parent;
  }
  root = folder;
  return folder;
}
