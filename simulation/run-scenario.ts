import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../core/config/environment.ts';
import type { SandboxEvent } from '../sandbox/log.ts';
import { runCaller } from '../scripts/demo-process.ts';
import type { CallMessage, CallOrder } from './call-driver.ts';
import { enterRoom, type KeptState, prepareCaller, readState } from './caller-state.ts';
import { type Check, checkCall, type ToolCall } from './checks.ts';
import { type Judgement, judge } from './judge.ts';
import type { ModelAccess } from './persona.ts';
import { type PlantedFaultName, plantedFaults, withFault } from './planted-faults.ts';
import type { Scenario } from './scenario.ts';
import type { Lane, Props } from './stage.ts';
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

/** Runs one scenario in a lane, with a person whom nobody has heard of, so that it knows nothing of the ones before. */
export async function runScenario(scenario: Scenario, options: RunOptions, lane: Lane): Promise<ScenarioResult> {
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
    await Promise.race([run(scenario, options, { result, lane }), late]);
    Object.assign(result, verdictOf(result, scenario));
  } catch (error) {
    result.message = error instanceof Error ? error.message : String(error);
    await lane.dismiss();
  } finally {
    over.abort();
    await late.catch(() => undefined);
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
  { result, lane }: { result: ScenarioResult; lane: Lane },
): Promise<void> {
  if (options.plant) await requirePlantable(scenario.plant.fault);
  const props = await lane.prepare(scenario, options.plant);
  const sinceMs = performance.timeOrigin + performance.now();
  await prepareCaller(props, scenario);
  await steer(props, 'delays', scenario.stand_ins.delays);
  await steer(props, 'failures', scenario.stand_ins.failures);
  const room = await enterRoom(props, scenario);
  const timeline: Timeline = { sessionId: room.session_id, startedAtMs: 0, events: [], heard: [] };
  result.timeline = timeline;
  const order: CallOrder = {
    scenario,
    serverUrl: room.server_url,
    token: room.participant_token,
    sandboxUrl: props.sandboxUrl,
    model: options.callerModel ?? standInModel(props),
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
  const state = await readState(props, timeline.sessionId);
  result.state = state;
  result.checks = checkCall(scenario.expect, { timeline, state, toolCalls: await toolCallsOf(props, sinceMs) });
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

async function steer({ sandboxUrl }: Props, control: 'delays' | 'failures', body: object): Promise<void> {
  if (!Object.keys(body).length) return;
  if (!sandboxUrl) throw new Error('stand_ins: there are none with --real');
  const response = await fetch(`${sandboxUrl}/sandbox/${control}`, { method: 'PUT', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`stand_ins.${control}: ${await response.text()}`);
}

function standInModel({ sandboxUrl, standIns }: Props): ModelAccess | undefined {
  if (!sandboxUrl || !standIns.includes('LLM')) return undefined;
  return { apiKey: 'stand-in', baseUrl: sandboxUrl, model: 'claude-haiku-4-5' };
}

async function toolCallsOf({ sandboxUrl, standIns }: Props, sinceMs: number): Promise<ToolCall[] | undefined> {
  if (!sandboxUrl || !standIns.includes('LLM')) return undefined;
  const events = (await (await fetch(`${sandboxUrl}/sandbox/log`)).json()) as SandboxEvent[];
  return events.flatMap(({ atMs, event, toolCalls }) =>
    atMs >= sinceMs && event === 'request-completed' && toolCalls ? (toolCalls as ToolCall[]) : [],
  );
}
