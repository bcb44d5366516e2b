import { Releasers } from '../core/lifecycle.ts';
import { ensureLiveKit } from '../scripts/livekit.ts';
import { type RunOptions, runScenario, type ScenarioResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';

/** How many run at a time, and what they have in common. */
export type RunAllOptions = RunOptions & { parallel: number };

/** Runs scenarios, some at a time, on one LiveKit server, and tells of each as it ends. Results are in the order of the scenarios. */
export async function runAll(
  scenarios: readonly Scenario[],
  options: RunAllOptions,
  releasers: Releasers,
): Promise<ScenarioResult[]> {
  const { env, parallel, progress } = options;
  const livekit = await ensureLiveKit({ env, progress });
  releasers.add(() => livekit.stop());
  const { url: LIVEKIT_URL, apiKey: LIVEKIT_API_KEY, apiSecret: LIVEKIT_API_SECRET } = livekit;
  const shared = { ...options, env: { ...env, LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } };
  const results: ScenarioResult[] = [];
  let next = 0;
  let ended = 0;
  const work = async () => {
    for (let index = next++; index < scenarios.length; index = next++) {
      const scenario = scenarios[index] as Scenario;
      const own = new Releasers();
      releasers.add(() => own.releaseAll());
      const result = await runScenario(scenario, shared, own);
      results[index] = result;
      ended += 1;
      progress(`${ended}/${scenarios.length} ${lineOf(result)}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, scenarios.length) }, work));
  return results;
}

function lineOf({ name, outcome, planted, message, checks, durationMs }: ScenarioResult): string {
  const failed = checks.filter(({ ok }) => !ok);
  const told = planted ? [`${planted} ${outcome === 'passed' ? 'was seen' : 'was not seen'}`] : [];
  const found = outcome === 'passed' && !planted ? [] : failed.map((check) => `${check.name}: ${check.detail}`);
  return [`${outcome} ${name} (${(durationMs / 1_000).toFixed(1)} s)`, message, ...told, ...found]
    .filter(Boolean)
    .join('\n    ');
}
