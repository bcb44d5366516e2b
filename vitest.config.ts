import { defineConfig } from 'vitest/config';

const project = (name: string, more: object = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...more },
});

/** Four suites, quickest first. Tests never read `.env`; what they need they start themselves. */
export default defineConfig({
  test: {
    env: { NODE_ENV: 'test' },
    projects: [
      project('unit'),
      project('contracts', { testTimeout: 30_000 }),
      project('db', { testTimeout: 60_000, hookTimeout: 120_000, globalSetup: ['test/support/postgres-setup.ts'] }),
      project('live', {
        testTimeout: 120_000,
        hookTimeout: 300_000,
        fileParallelism: false,
        globalSetup: ['test/support/live-setup.ts'],
      }),
    ],
  },
});
