import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openEmbeddedDatabase } from '../../db/client.ts';
import { prepareEmbeddedQueue } from '../../jobs/prepare-queue.ts';
import { jobs } from '../../jobs/registry.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** File with a dump of an embedded database that has its tables and its queue. */
    pgliteDump: string;
  }
}

/** Makes the embedded database that the tests' own are copies of: PGlite takes seconds to make one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-pglite-'));
  const database = await openEmbeddedDatabase({ memory: true });
  await prepareEmbeddedQueue(database.client, jobs);
  const file = join(folder, 'dump.tar');
  await writeFile(file, (await database.client.dumpDataDir('none')).stream());
  await database.close();
  project.provide('pgliteDump', file);
  return () => rm(folder, { recursive: true, force: true });
}
