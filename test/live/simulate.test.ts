import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { ScenarioResult } from '../../simulation/run-scenario.ts';

const shared = inject('livekit');
const scenarios = ['typed-call', 'concierge-greeting'].map((name) => assetPath('scenarios', `${name}.yaml`));
const timeoutMs = 300_000;

/** Runs the compiled program on the shared LiveKit server. @throws with its output when it ends with another code than 0 */
async function simulate(...options: string[]): Promise<ScenarioResult[]> {
  const program = assetPath('dist', 'simulation', 'main.js');
  const args = ['--enable-source-maps', program, ...scenarios, '--parallel', '1', '--json', ...options];
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LIVEKIT_URL: shared?.url,
    LIVEKIT_API_KEY: shared?.apiKey,
    LIVEKIT_API_SECRET: shared?.apiSecret,
  };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: timeoutMs, maxBuffer: 2 ** 24 });
  return (JSON.parse(stdout) as { results: ScenarioResult[] }).results;
}

describe.skipIf(!shared)('simulated callers', () => {
  test('hold the calls of their scenarios, and every check holds', { timeout: timeoutMs }, async () => {
    const results = await simulate();
    expect(results.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['typed-call', 'passed'],
      ['concierge-greeting', 'passed'],
    ]);
    expect(results.flatMap(({ checks }) => checks.filter(({ ok }) => !ok))).toEqual([]);
    expect(results.map(({ judgement }) => judgement)).toEqual([null, 'not-run']);
  });

  test('see the faults that are planted for them', { timeout: timeoutMs }, async () => {
    const results = await simulate('--plant');
    expect(results.map(({ planted, outcome }) => [planted, outcome])).toEqual([
      ['profile-empty', 'passed'],
      ['wrong-greeting', 'passed'],
    ]);
    for (const { checks } of results) expect(checks.find(({ name }) => name === 'phrases')?.ok).toBe(false);
  });
});
