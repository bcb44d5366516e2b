import { defineConfig } from 'vitest/config';

/** One suite; `order` keeps it from running beside another, whose load its timing would show. */
const project = (name: string, order: number, more: object = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder: order }, ...more },
});

/** Four suites, quickest first. Tests never read `.env`; what they need they start themselves. */
export default defineConfig({
  test: {
    env: { NODE_ENV: 'test' },
    expect: { poll: { timeout: 10_000 } },
    projects: [
      project('unit', 0),
      project('contracts', 1, { testTimeout: 30_000 }),
      project('db', 2, { testTimeout: 60_000, hookTimeout: 120_000, globalSetup: ['test/support/postgres-setup.ts'] }),
      project('live', 3, {
        testTimeout: 120_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        globalSetup: ['test/support/live-setup.ts'],
        setupFiles: ['test/support/live-turn.ts'],
      }),
    ],
  },
});
