import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../core/config/environment.ts';
import { newSecret } from '../core/ids.ts';
import type { Releasers } from '../core/lifecycle.ts';
import type { SandboxEvent } from '../sandbox/log.ts';
import { runCaller } from '../scripts/demo-process.ts';
import { type Stack, startStack } from '../scripts/stack.ts';
import type { CallMessage, CallOrder } from './call-driver.ts';
import { enterRoom, type KeptState, prepareCaller, readState } from './caller-state.ts';
import { type Check, checkCall, type ToolCall } from './checks.ts';
import { type Judgement, judge } from './judge.ts';
import type { ModelAccess } from './persona.ts';
import { type PlantedFaultName, plantedFaults, plantVariable, withFault } from './planted-faults.ts';
import type { Scenario } from './scenario.ts';
import { eventsOf, type Timeline, transcriptOf } from './timeline.ts';

/** What all scenarios of a run have in common. */
export interface RunOptions {
  /** What vendors, LiveKit and programs are found by. */
  env: Environment;
  /** Plants the scenario's fault, which must then be seen. */
  plant: boolean;
  /** The model that judges; absent: nobody judges. */
  judge?: ModelAccess;
  /** The model that plays callers; by default the stand-in. */
  callerModel?: ModelAccess;
  /** The whole run of a scenario, its start and end included. */
  timeoutMs: number;
  progress(line: string): void;
}

/** What became of a scenario. `error`: it could not be run, which is nobody's success, not even a planted fault's. */
export interface ScenarioResult {
  name: string;
  description: string;
  outcome: 'passed' | 'failed' | 'error';
  /** Why it could not be run, or why a planted fault was not seen; empty otherwise. */
  message: string;
  /** The planted fault, where one was. */
  planted: string | null;
  checks: Check[];
  /** `null` where the scenario has no judge; `not-run` without a model. */
  judgement: Judgement | 'not-run' | null;
  timeline: Timeline | null;
  state: KeptState | null;
  durationMs: number;
}

/** A turn is kept a moment after it was heard. */
const settleMs = 700;

/**
 * Runs one scenario on a stack of its own: new data, new stand-ins and a new worker, so that no scenario knows of another.
 * @param releasers of this scenario alone: they are released at its end, or before by whoever stops the run
 */
export async function runScenario(
  scenario: Scenario,
  options: RunOptions,
  releasers: Releasers,
): Promise<ScenarioResult> {
  const startedAt = performance.now();
  const result: ScenarioResult = {
    name: scenario.name,
    description: scenario.description,
    outcome: 'error',
    message: '',
    planted: options.plant ? scenario.plant.fault : null,
    checks: [],
    judgement: null,
    timeline: null,
    state: null,
    durationMs: 0,
  };
  const over = new AbortController();
  const late = sleep(options.timeoutMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`was not over within ${options.timeoutMs} ms (--timeout-ms)`);
  });
  try {
    await Promise.race([run(scenario, options, { result, releasers }), late]);
    Object.assign(result, verdictOf(result, scenario));
  } catch (error) {
    result.message = error instanceof Error ? error.message : String(error);
  } finally {
    over.abort();
    await late.catch(() => undefined);
    await releasers.releaseAll();
  }
  return { ...result, durationMs: Math.round(performance.now() - startedAt) };
}

/** What the checks come to. With a planted fault the check that is named must fail, and a failing judge proves nothing. */
export function verdictOf(
  { checks, planted }: Pick<ScenarioResult, 'checks' | 'planted'>,
  { plant }: Pick<Scenario, 'plant'>,
): Pick<ScenarioResult, 'outcome' | 'message'> {
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  if (!planted) return { outcome: failed.length ? 'failed' : 'passed', message: '' };
  if (failed.includes(plant.breaks)) return { outcome: 'passed', message: '' };
  const seen = failed.length ? `only ${failed.join(', ')} failed` : 'every check held';
  return { outcome: 'failed', message: `${plant.fault} was planted, and ${plant.breaks} did not see it: ${seen}` };
}

async function run(
  scenario: Scenario,
  options: RunOptions,
  { result, releasers }: { result: ScenarioResult; releasers: Releasers },
): Promise<void> {
  if (options.plant) await requirePlantable(scenario.plant.fault);
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-simulate-'));
  releasers.add(() => rm(dataDir, { recursive: true, force: true }));
  const stack = await startStack({ env: environmentOf(scenario, options), dataDir, progress: () => {} });
  releasers.add(() => stack.stop());
  await prepareCaller(stack, scenario);
  await steer(stack, 'delays', scenario.stand_ins.delays);
  await steer(stack, 'failures', scenario.stand_ins.failures);
  const room = await enterRoom(stack, scenario);
  const timeline: Timeline = { sessionId: room.session_id, startedAtMs: 0, events: [], heard: [] };
  result.timeline = timeline;
  const order: CallOrder = {
    scenario,
    serverUrl: room.server_url,
    token: room.participant_token,
    sandboxUrl: stack.sandboxUrl,
    model: options.callerModel ?? standInModel(stack),
  };
  await runCaller<CallMessage>('simulation/caller-process', { SIMULATION_CALL: JSON.stringify(order) }, (message) => {
    if (message.type === 'event') timeline.events.push(message.event);
    else if (message.type === 'heard') timeline.heard = message.heard;
    else timeline.startedAtMs = message.startedAtMs;
  });
  if (options.plant && !eventsOf(timeline, 'joined').length) {
    throw new Error(`a call with ${scenario.plant.fault} does not begin, which shows nothing: ${stuckOf(timeline)}`);
  }
  await sleep(settleMs);
  const state = await readState(stack, timeline.sessionId);
  result.state = state;
  result.checks = checkCall(scenario.expect, { timeline, state, toolCalls: await toolCallsOf(stack) });
  if (!scenario.judge) return;
  result.judgement = options.judge ? await judge(scenario.judge, transcriptOf(timeline), options.judge) : 'not-run';
  if (result.judgement !== 'not-run') result.checks.push(result.judgement.check);
}

/** Job processes alone may load the module: a fault that can't be planted there would look like an agent that stays away. */
async function requirePlantable(fault: PlantedFaultName): Promise<void> {
  const file = new URL(`../${plantedFaults[fault].module}.js`, import.meta.url);
  withFault(await readFile(file, 'utf8'), fault);
}

function stuckOf(timeline: Timeline): string {
  return eventsOf(timeline, 'stuck')
    .map(({ message }) => message)
    .join('; ');
}

function environmentOf({ settings, plant }: Scenario, options: RunOptions): Environment {
  const preload = new URL('./fault-preload.js', import.meta.url).href;
  return {
    ...options.env,
    WORKER_IDLE_PROCESSES: '1',
    ...settings,
    // The server may be shared by scenarios that run at the same time.
    AGENT_NAME: `simulated-${newSecret().slice(0, 8)}`,
    ...(options.plant && { NODE_OPTIONS: `--import ${preload}`, [plantVariable]: plant.fault }),
  };
}

async function steer({ sandboxUrl }: Stack, control: 'delays' | 'failures', body: object): Promise<void> {
  if (!Object.keys(body).length) return;
  if (!sandboxUrl) throw new Error('stand_ins: there are none with --real');
  const response = await fetch(`${sandboxUrl}/sandbox/${control}`, { method: 'PUT', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`stand_ins.${control}: ${await response.text()}`);
}

function standInModel({ sandboxUrl, standIns }: Stack): ModelAccess | undefined {
  if (!sandboxUrl || !standIns.includes('LLM')) return undefined;
  return { apiKey: 'stand-in', baseUrl: sandboxUrl, model: 'claude-haiku-4-5' };
}

async function toolCallsOf({ sandboxUrl, standIns }: Stack): Promise<ToolCall[] | undefined> {
  if (!sandboxUrl || !standIns.includes('LLM')) return undefined;
  const events = (await (await fetch(`${sandboxUrl}/sandbox/log`)).json()) as SandboxEvent[];
  return events.flatMap(({ event, toolCalls }) =>
    event === 'request-completed' && toolCalls ? (toolCalls as ToolCall[]) : [],
  );
}
