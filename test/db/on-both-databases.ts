import { afterAll, beforeAll, describe, inject } from 'vitest';
import { openWorld, type World } from './world.ts';

type Suite = (world: () => World) => void;

/** Runs one suite on embedded PGlite and on a real PostgreSQL, each with a database of its own. */
export function describeOnBothDatabases(name: string, suite: Suite): void {
  describeOnPglite(name, suite);
  describeOnPostgres(name, suite);
}

/** The first half of it: for what takes minutes, and runs beside the other half from a file of its own. */
export function describeOnPglite(name: string, suite: Suite): void {
  describe(`${name} on PGlite`, () => suite(openedAround()));
}

/** The second half of it. */
export function describeOnPostgres(name: string, suite: Suite): void {
  const postgresUrl = inject('postgresUrl');
  // The set-up has said why there is none, or has failed the run.
  describe.skipIf(!postgresUrl)(`${name} on PostgreSQL`, () => suite(openedAround(postgresUrl ?? undefined)));
}

function openedAround(postgresUrl?: string): () => World {
  let world: World | undefined;
  beforeAll(async () => {
    world = await openWorld(postgresUrl);
  });
  afterAll(() => world?.close());
  return () => {
    if (!world) throw new Error('the database is open inside of tests only');
    return world;
  };
}
