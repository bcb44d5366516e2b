import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

/** One suite; `order` keeps it from running beside another, whose load its timing would show. */
const project = (name: string, order: number, more: object = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder: order }, ...more },
});

/** They take a minute or more, so that a suite which began them last would wait for them alone. */
const longest =
  'matrix-pglite matrix-routes matrix-postgres jobs-killed continuity seventh-agent vendor-faults bad-vendors'.split(
    ' ',
  );

/** The order of Vitest's own, which knows nothing but sizes in a fresh checkout, with the longest files first. */
class LongestFirst extends BaseSequencer {
  override async sort(...[files]: Parameters<BaseSequencer['sort']>): ReturnType<BaseSequencer['sort']> {
    const isLong = ({ moduleId }: (typeof files)[number]) => longest.includes(basename(moduleId, '.test.ts'));
    const [long, others] = [files.filter(isLong), files.filter((file) => !isLong(file))];
    return [...(await super.sort(long)), ...(await super.sort(others))];
  }
}

/**
 * What runs servers, processes and calls shares two cores with them, and now and then with a neighbour: a test that fails is
 * tried once more. The report says which one; a test that is named there twice has a fault.
 */
const onceMore = 1;

/** What calls of both kinds need. A test of theirs takes its own LiveKit rooms, stand-ins and worker. */
const calls = {
  // Audio that a starved process delivers late is stretched on its way, and a recogniser hears other words.
  retry: 2,
  testTimeout: 120_000,
  hookTimeout: 300_000,
  globalSetup: ['test/support/live-setup.ts', 'test/support/pglite-setup.ts'],
};

/** Five suites, quickest first. Tests never read `.env`; what they need they start themselves. */
export default defineConfig({
  test: {
    env: { NODE_ENV: 'test' },
    sequence: { sequencer: LongestFirst },
    // Where nothing may be skipped, whatever guards people's data is tested whole.
    coverage: {
      enabled: process.env.REQUIRE_ALL === '1',
      provider: 'v8',
      include: ['services/**', 'core/crypto/**', 'api/auth.ts', 'api/middleware/**'],
      reporter: [['text', { skipFull: true }]],
      reportsDirectory: join(tmpdir(), `parley-coverage-${process.pid}`),
      thresholds: { lines: 100, branches: 100 },
    },
    expect: { poll: { timeout: 10_000 } },
    projects: [
      project('unit', 0, { maxWorkers: 2, isolate: false }),
      // These wait most of their time: for vendors that are late, for what is to be found dead.
      project('contracts', 1, { maxWorkers: 7, isolate: false, retry: onceMore, testTimeout: 30_000 }),
      project('db', 2, {
        maxWorkers: 3,
        // A process of its own for each file would compile PGlite anew, which takes longer than most files do.
        isolate: false,
        retry: onceMore,
        testTimeout: 60_000,
        hookTimeout: 120_000,
        globalSetup: ['test/support/postgres-setup.ts', 'test/support/pglite-setup.ts'],
        setupFiles: ['test/support/low-priority.ts'],
      }),
      // Calls wait most of their time too, and these bear to be late.
      project('live', 3, { ...calls, maxWorkers: 2 }),
      project('voice', 4, {
        ...calls,
        fileParallelism: false,
        setupFiles: ['test/support/voice-turn.ts'],
      }),
    ],
  },
});
