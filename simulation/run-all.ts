import type { Releasers } from '../core/lifecycle.ts';
import { ensureLiveKit } from '../scripts/livekit.ts';
import { type RunOptions, runScenario, type ScenarioResult } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { type Lane, openStage } from './stage.ts';

/** How many run at a time, and what they have in common. */
export type RunAllOptions = RunOptions & { parallel: number };

/** Runs scenarios, some at a time, on one LiveKit server, and tells of each as it ends. Results are in the order of the scenarios. */
export async function runAll(
  scenarios: readonly Scenario[],
  options: RunAllOptions,
  releasers: Releasers,
): Promise<ScenarioResult[]> {
  const { env, plant, parallel, progress } = options;
  const livekit = await ensureLiveKit({ env, progress });
  releasers.add(() => livekit.stop());
  const { lanes } = await openStage({ env, livekit, lanes: Math.min(parallel, scenarios.length) }, releasers);
  const results: ScenarioResult[] = [];
  const left = scenarios.map((scenario, index) => ({ scenario, index }));
  const work = async (lane: Lane) => {
    for (;;) {
      // A worker is started anew only where none of what is left can do with the one that is there.
      const fitting = left.findIndex(({ scenario }) => lane.fits(scenario, plant));
      const [next] = left.splice(Math.max(0, fitting), 1);
      if (!next) return;
      const result = await runScenario(next.scenario, options, lane);
      results[next.index] = result;
      progress(`${Object.keys(results).length}/${scenarios.length} ${lineOf(result)}`);
    }
  };
  await Promise.all(lanes.map(work));
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
