import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Environment } from '../core/config/environment.ts';
import { Releasers, stopSignal } from '../core/lifecycle.ts';
import { endWithError, wholeNumber } from '../scripts/command-line.ts';
import { exitWithParent } from '../scripts/processes.ts';
import { localEnvironment } from '../scripts/stack.ts';
import { readState } from './caller-state.ts';
import { scenarioOf } from './from-session.ts';
import { loadScenario } from './load-scenario.ts';
import type { ModelAccess } from './persona.ts';
import { plantedFaults } from './planted-faults.ts';
import { tableOf } from './report-table.ts';
import { runAll } from './run-all.ts';
import type { Scenario } from './scenario.ts';
import { writeReports } from './write-reports.ts';

const usage = `npm run simulate -- FILE... [options]

Lets simulated callers talk with the agents of this build, one call a scenario, and checks what comes of each. Calls that are held
at the same time have stand-ins and a worker each. How a scenario is written: docs/simulation.md.

  --plant           plant the fault of each scenario in its worker: passes when the scenario sees it
  --parallel N      calls at a time (default: one a core)
  --timeout-ms N    longest run of a scenario, its start and end included (default 180000)
  --real            use vendors whose key is in the environment or in .env, instead of stand-ins
  --judge           have ANTHROPIC_API_KEY's model judge the scenarios that ask for it
  --json            print the results as one JSON line on standard output instead of the table
  --junit FILE      write them as JUnit XML too
  --html FILE       write them as one page too: audio, transcript and waterfall of each call
  --from-session ID print a scenario made of a recorded session of the API at API_URL, asked with DEVELOPMENT_TOKEN; names,
                    addresses and numbers are replaced as far as they are known: read it before you keep it
  --list            print the scenarios and their planted faults, and run nothing
  --help            show this

Ends with code 1 when a scenario fails.`;

async function main(releasers: Releasers): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      plant: { type: 'boolean', default: false },
      parallel: { type: 'string', default: String(availableParallelism()) },
      'timeout-ms': { type: 'string', default: '180000' },
      real: { type: 'boolean', default: false },
      judge: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      junit: { type: 'string' },
      html: { type: 'string' },
      'from-session': { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (values['from-session']) {
    console.log(scenarioOf(await readState(apiOf(localEnvironment()), values['from-session'])));
    return 0;
  }
  if (!positionals.length) throw new Error('name a scenario, such as scenarios/concierge-greeting.yaml (see --help)');
  const scenarios = await Promise.all(positionals.map(loadScenario));
  requireOwnNames(scenarios, positionals);
  if (values.list) {
    for (const line of scenarios.map(describe)) console.log(line);
    return 0;
  }
  const env = environmentOf(localEnvironment(), values.real);
  const results = await runAll(
    scenarios,
    {
      env,
      plant: values.plant,
      parallel: wholeNumber('--parallel', values.parallel),
      timeoutMs: wholeNumber('--timeout-ms', values['timeout-ms']),
      judge: values.judge || values.real ? modelOf(values.judge) : undefined,
      callerModel: values.real ? modelOf(false) : undefined,
      progress: (line) => console.error(line),
    },
    releasers,
  );
  await writeReports(results, values);
  console.log(values.json ? JSON.stringify({ plant: values.plant, results }) : tableOf(results));
  return results.every(({ outcome }) => outcome === 'passed') ? 0 : 1;
}

/** What programs are found by, and vendors only where real ones are asked for. */
function environmentOf(env: Environment, real: boolean): Environment {
  if (real) return env;
  const { PATH, HOME, XDG_CACHE_HOME, LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = env;
  return { PATH, HOME, XDG_CACHE_HOME, LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET };
}

function modelOf(isAsked: boolean): ModelAccess | undefined {
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: baseUrl, ANTHROPIC_MODEL: model } = localEnvironment();
  if (apiKey) return { apiKey, baseUrl, model: model ?? 'claude-haiku-4-5' };
  if (isAsked) throw new Error('--judge: set ANTHROPIC_API_KEY');
  return undefined;
}

function apiOf({ API_URL: apiUrl, DEVELOPMENT_TOKEN: token }: Environment) {
  if (!apiUrl || !token) throw new Error('--from-session: set API_URL and DEVELOPMENT_TOKEN');
  return { apiUrl, token };
}

function requireOwnNames(scenarios: readonly Scenario[], files: readonly string[]): void {
  for (const [index, { name }] of scenarios.entries()) {
    const first = scenarios.findIndex((other) => other.name === name);
    if (first < index) throw new Error(`${files[index]}: name: ${name} is the name of ${files[first]} too`);
  }
}

function describe({ name, description, plant }: Scenario): string {
  return `${name}: ${description}\n    ${plant.fault} breaks ${plant.breaks}: ${plantedFaults[plant.fault].description}`;
}

exitWithParent();
const releasers = new Releasers();
const stopped = stopSignal().then((signal) => {
  console.error(`${signal}: stopping`);
  return 130;
});
Promise.race([main(releasers), stopped])
  .finally(() => releasers.releaseAll())
  .then((code) => process.exit(code), endWithError);
