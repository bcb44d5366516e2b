import { readFile } from 'node:fs/promises';
import { inject } from 'vitest';
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../db/client.ts';

/** A new embedded database in memory, with its tables and its queue. */
export async function openTestPglite(): Promise<EmbeddedDatabase> {
  return openEmbeddedDatabase({ memory: true, copyOf: new Blob([await readFile(inject('pgliteDump'))]) });
}
