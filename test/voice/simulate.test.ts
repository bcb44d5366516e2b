import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeAll, describe, expect, inject, type TestContext, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { ScenarioResult } from '../../simulation/run-scenario.ts';

const shared = inject('livekit');
const timeoutMs = 900_000;
const scenarios = readdirSync(assetPath('scenarios')).map((file) => basename(file, '.yaml'));
/** Scenarios whose planted faults are held to be seen: in instructions, tools, validation, turn-taking and fallback. */
const planted = [
  'barge-in',
  'concierge-greeting',
  'dictation-command',
  'handoff-to-onboarding',
  'onboarding-corrected',
  'onboarding-without-model',
  'reminder',
  'returning-caller',
  'typed-call',
  'wish-kept',
];

/** Runs the compiled program on the shared LiveKit server. @returns what it says of each scenario, whether it passed or not */
function simulate(names: readonly string[], ...options: string[]): Promise<ScenarioResult[]> {
  const program = assetPath('dist', 'simulation', 'main.js');
  const files = names.map((name) => assetPath('scenarios', `${name}.yaml`));
  const args = ['--enable-source-maps', program, ...files, '--json', ...options];
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LIVEKIT_URL: shared?.url,
    LIVEKIT_API_KEY: shared?.apiKey,
    LIVEKIT_API_SECRET: shared?.apiSecret,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env, timeout: timeoutMs, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      // It ends with 1 when a scenario fails, and has told all of them nevertheless.
      if (stdout) resolve((JSON.parse(stdout) as { results: ScenarioResult[] }).results);
      else reject(new Error(stderr, { cause: error }));
    });
  });
}

/** The result of all together, and at a second try that of the scenario alone. */
async function resultOf(name: string, first: readonly ScenarioResult[], { task }: TestContext, ...options: string[]) {
  const [again] = task.result?.retryCount ? await simulate([name], ...options) : [];
  return again ?? first.find((result) => result.name === name);
}

const failed = (result: ScenarioResult | undefined) => result?.checks.filter(({ ok }) => !ok);

describe.skipIf(!shared)('simulated callers', () => {
  let results: ScenarioResult[] = [];
  beforeAll(async () => {
    results = await simulate(scenarios);
  }, timeoutMs);

  test.for(scenarios)('hold the call of %s, and every check holds', { timeout: timeoutMs }, async (name, context) => {
    const result = await resultOf(name, results, context);
    expect(failed(result), result?.message).toEqual([]);
    expect(result).toMatchObject({ outcome: 'passed', planted: null });
  });

  test('are judged by a model only where one is asked for', () => {
    expect(results.find(({ name }) => name === 'concierge-greeting')?.judgement).toBe('not-run');
    expect(results.find(({ name }) => name === 'typed-call')?.judgement).toBeNull();
  });
});

describe.skipIf(!shared)('planted faults', () => {
  let results: ScenarioResult[] = [];
  beforeAll(async () => {
    results = await simulate(planted, '--plant');
  }, timeoutMs);

  test.for(planted)('are seen by %s', { timeout: timeoutMs }, async (name, context) => {
    const result = await resultOf(name, results, context, '--plant');
    expect(result?.message).toBe('');
    expect(result).toMatchObject({ outcome: 'passed', planted: expect.any(String) });
    expect(failed(result)).not.toEqual([]);
  });
});
