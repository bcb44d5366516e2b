import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../core/config/environment.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { delaysSchema, vendors } from '../sandbox/settings.ts';
import type { LiveKit } from '../scripts/livekit.ts';
import {
  type LocalSandbox,
  type LocalWorker,
  needsStandIns,
  startLocalSandbox,
  startLocalWorker,
  vendorsOf,
} from '../scripts/local-worker.ts';
import { type LocalApi, startLocalApi } from '../scripts/stack.ts';
import { plantVariable } from './planted-faults.ts';
import type { Scenario } from './scenario.ts';

/** What all scenarios of a run share: a LiveKit server, API and jobs on a database of their own. */
export interface Stage {
  env: Environment;
  livekit: LiveKit;
  api: LocalApi;
  starts: Starts;
  lanes: readonly Lane[];
}

/** What a scenario's call is held with. */
export interface Props {
  apiUrl: string;
  /** Of a person whom nobody has heard of before. */
  token: string;
  agentName: string;
  /** The stand-ins, in their best health; absent where every vendor is real. */
  sandboxUrl?: string;
  /** The parts that are stand-ins: `STT`, `LLM`, ... */
  standIns: readonly string[];
}

/** A worker that starts takes a core for seconds: of several at once each would be late for its first call. */
class Starts {
  #last: Promise<unknown> = Promise.resolve();

  /** Waits until what was asked for before has started, or failed to. */
  inTurn<T>(start: () => Promise<T>): Promise<T> {
    const started = this.#last.then(start);
    this.#last = started.catch(() => undefined);
    return started;
  }
}

/** Starts what a run needs. @param lanes calls at a time */
export async function openStage(
  { env, livekit, lanes }: { env: Environment; livekit: LiveKit; lanes: number },
  releasers: Releasers,
): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-simulate-'));
  releasers.add(() => rm(dataDir, { recursive: true, force: true }));
  const run = newSecret().slice(0, 8);
  // The server may be shared by other runs.
  const agentNames = Array.from({ length: lanes }, (_, index) => `simulated-${run}-${index + 1}`);
  const sandbox = needsStandIns(env) ? await startLocalSandbox(env, releasers) : undefined;
  const apiEnvironment = { ...env, ...vendorsOf(env, sandbox).variables, AGENT_NAME: agentNames.join(',') };
  const api = await startLocalApi({ env: apiEnvironment, dataDir, livekit, progress: () => {} }, releasers);
  const shared = { env, livekit, api, starts: new Starts() };
  return { ...shared, lanes: agentNames.map((agentName) => new Lane(shared, agentName, releasers)) };
}

/** One call after another, with a worker and stand-ins that no other lane knows of. */
export class Lane {
  readonly #stage: Omit<Stage, 'lanes'>;
  readonly #agentName: string;
  readonly #releasers: Releasers;
  #sandbox: LocalSandbox | undefined;
  #worker: { key: string; worker: LocalWorker; releasers: Releasers } | undefined;

  constructor(stage: Omit<Stage, 'lanes'>, agentName: string, releasers: Releasers) {
    this.#stage = stage;
    this.#agentName = agentName;
    this.#releasers = releasers;
  }

  /** Whether a scenario can be held with the worker that is there. */
  fits(scenario: Scenario, plant: boolean): boolean {
    return this.#worker?.key === keyOf(scenario, plant);
  }

  /** What a scenario needs: the worker of the one before where it has the same settings and fault, and a new one otherwise. */
  async prepare(scenario: Scenario, plant: boolean): Promise<Props> {
    const { env: common, api } = this.#stage;
    const env = environmentOf(scenario, { env: common, plant, agentName: this.#agentName });
    if (needsStandIns(env)) this.#sandbox ??= await startLocalSandbox(env, this.#releasers);
    const sandbox = this.#sandbox;
    if (sandbox) await recover(sandbox);
    if (!this.fits(scenario, plant)) await this.#replaceWorker(keyOf(scenario, plant), env);
    return {
      apiUrl: api.url,
      token: await api.newPerson(),
      agentName: this.#agentName,
      sandboxUrl: sandbox?.sandboxUrl,
      standIns: vendorsOf(env, sandbox).standIns.map(({ part }) => part),
    };
  }

  /** Ends the worker: after a call that did not end as it should it may not be what it was. */
  async dismiss(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.releasers.releaseAll();
  }

  async #replaceWorker(key: string, env: Environment): Promise<void> {
    await this.dismiss();
    const releasers = new Releasers();
    this.#releasers.add(() => releasers.releaseAll());
    const { livekit, api, starts } = this.#stage;
    const options = { env, livekit, apiUrl: api.url, sandbox: this.#sandbox, progress: () => {} };
    const worker = await starts.inTurn(() => startLocalWorker(options, releasers));
    this.#worker = { key, releasers, worker };
  }
}

function environmentOf(
  { settings, plant: { fault } }: Scenario,
  { env, plant, agentName }: { env: Environment; plant: boolean; agentName: string },
): Environment {
  const preload = new URL('./fault-preload.js', import.meta.url).href;
  return {
    ...env,
    WORKER_IDLE_PROCESSES: '1',
    ...settings,
    AGENT_NAME: agentName,
    ...(plant && { NODE_OPTIONS: `--import ${preload}`, [plantVariable]: fault }),
  };
}

function keyOf({ settings, plant: { fault } }: Scenario, plant: boolean): string {
  return JSON.stringify([plant ? fault : null, Object.entries(settings).sort()]);
}

/** No stand-in fails any more, and all take the time they take by themselves. */
async function recover({ sandboxUrl }: LocalSandbox): Promise<void> {
  const failures = Object.fromEntries(vendors.map((vendor) => [vendor, null]));
  for (const [control, body] of [
    ['failures', failures],
    ['delays', delaysSchema.parse({})],
  ] as const) {
    const response = await fetch(`${sandboxUrl}/sandbox/${control}`, { method: 'PUT', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`the stand-ins do not recover: ${await response.text()}`);
  }
}
