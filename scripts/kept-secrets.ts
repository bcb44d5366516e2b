import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { newSecret } from '../core/ids.ts';

const file = 'parley-secrets.json';

const secretsSchema = z.object({ ENCRYPTION_KEY: z.string(), JWT_SECRET: z.string(), DEVELOPMENT_TOKEN: z.string() });

/** Secrets of an installation on one machine, as environment variables. */
export type KeptSecrets = z.infer<typeof secretsSchema>;

/**
 * The secrets that belong to a data folder, made up the first time and kept in it: its data can be read again only with the
 * key it was sealed with. Call it while the folder's lock is held.
 * @throws Error when the file is there but isn't ours.
 */
export async function keptSecrets(dataDir: string): Promise<KeptSecrets> {
  const path = join(dataDir, file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) {
    try {
      return secretsSchema.parse(JSON.parse(text));
    } catch {
      throw new Error(`${path} is not readable as the secrets of this data folder: restore it from a backup`);
    }
  }
  const secrets = { ENCRYPTION_KEY: newSecret(), JWT_SECRET: newSecret(), DEVELOPMENT_TOKEN: newSecret() };
  await writeWhole(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** On disk as a whole before anything is sealed with what is in it, whatever happens to this process or machine. */
async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, path);
}
