import { initializeLogger, llm } from '@livekit/agents';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { assetPath } from '../../core/assets.ts';
import type { Probed } from '../../providers/probe.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Failure, Vendor } from '../../sandbox/settings.ts';
import type { Line } from '../../sandbox/speech/lines.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';
import { RealtimeCaller } from './realtime-caller.ts';

/** What the suite asks of an adapter beyond its vendor's defaults. */
export interface RealtimeSettings {
  /** Of the sandbox, without a path. */
  baseUrl: string;
  connectTimeoutMs?: number;
  idleTimeoutMs?: number;
  maxRetry?: number;
  retryIntervalMs?: number;
  /** Who finds the turns: the server, or the test by `commitAudio`. */
  turns?: 'server' | 'manual';
}

/** What a vendor may be unable to do; the value says why, and stands in the title of the suite. */
export type Lack =
  /** Transcripts that grow while, or right after, somebody speaks. */
  | 'interimTranscripts'
  /** To forget what of its own words was not heard. */
  | 'truncation'
  /** Turns that the client ends. */
  | 'manualTurns'
  /** Other tools in the middle of a session. */
  | 'toolsUpdate'
  /** Tokens of a reply that was cut off, or at all. */
  | 'usage';

/** What the suite needs to know about one vendor. */
export interface RealtimeHarness {
  vendor: Vendor;
  standIn(lines: readonly Line[]): StandInFactory;
  /** Makes the adapter; the key is one the stand-in takes. */
  create(settings: RealtimeSettings): llm.RealtimeModel & Probed;
  lacks?: Partial<Record<Lack, string>>;
}

const patience = { timeout: 8_000, interval: 20 };

/** A word of what is typed; no error may repeat it. */
export const secret = 'Rumpelstiltskin';

/** Something typed. */
export const user = (content: string) => llm.ChatMessage.create({ role: 'user', content });

/** What the agents of the tests can do. */
export const tools = new llm.ToolContext([
  llm.tool({ name: 'get_profile', description: 'Reads the profile.', execute: async () => ({}) }),
  llm.tool({
    name: 'save_onboarding_step',
    description: 'Saves one answer.\npreferred_name: What shall I call you?\ngoal: What is your goal?',
    parameters: z.object({ step: z.enum(['preferred_name', 'goal']), answer: z.string() }),
    execute: async () => 'saved',
  }),
]);

/** What the tests of one vendor work with. */
export type RealtimeFixture = Awaited<ReturnType<typeof realtimeFixture>>;

/** Starts and ends the vendor's stand-in around each test of the suite that calls it, and looks for what it found wrong. */
export async function realtimeFixture(harness: RealtimeHarness) {
  initializeLogger({ pretty: false, level: 'silent' });
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  const factory = harness.standIn(lines);
  const sandboxes: Sandbox[] = [];
  const models: llm.RealtimeModel[] = [];

  const line = (id: string): Line => {
    const found = lines.find((candidate) => candidate.id === id);
    if (!found) throw new Error(`no line ${id}`);
    return found;
  };
  const sandbox = () => sandboxes.at(-1) as Sandbox;
  const setDelays = (delays: Partial<Sandbox['settings']['delays']>) => {
    sandbox().settings.delays = { ...sandbox().settings.delays, ...delays };
  };
  const start = async (port?: number) => {
    sandboxes.push(await startSandbox([factory], { port }));
    setDelays({ llmFirstTokenMs: 60, llmTokensPerSecond: 500, ttsFirstAudioMs: 20, transcriptionMs: 30 });
  };
  /** What a restart of the vendor looks like: every connection is cut, and the next one is taken again. */
  const restart = async (meanwhile: () => void = () => {}) => {
    const port = Number(new URL(sandbox().url).port);
    await sandbox().close();
    meanwhile();
    await start(port);
  };
  const create = (settings: Omit<RealtimeSettings, 'baseUrl'> = {}) => {
    const model = harness.create({ baseUrl: sandbox().url, retryIntervalMs: 100, ...settings });
    models.push(model);
    return model;
  };
  const call = (settings: Omit<RealtimeSettings, 'baseUrl'> = {}) => new RealtimeCaller(create(settings));
  const logged = (event: string) => sandboxes.flatMap(({ log }) => log.events({ vendor: harness.vendor, event }));
  const fail = (mode: Failure['mode'], times?: number) =>
    sandbox().settings.setFailure(harness.vendor, { mode, times });
  const until = (check: () => void) => vi.waitFor(check, patience);
  const connected = (count = 1) => until(() => expect(logged('connection-opened')).toHaveLength(count));
  /** A test that a vendor may be excused from; the title of the suite says why. */
  const needs = (lack: Lack, title: string, test: () => Promise<void>) => {
    if (!harness.lacks?.[lack]) it(title, test);
  };

  beforeEach(async () => {
    sandboxes.length = 0;
    models.length = 0;
    await start();
  });

  afterEach(async () => {
    await Promise.all(models.map((model) => model.close()));
    await until(() => expect(logged('connection-closed')).toHaveLength(logged('connection-opened').length));
    await until(() => expect(logged('hung-connection-closed')).toHaveLength(logged('connection-hung').length));
    await sandbox().close();
    // What was to be cancelled may have ended in the meantime.
    const refused = logged('event-refused').filter(({ code }) => code !== 'response_cancel_not_active');
    expect([...logged('unexpected-request'), ...logged('stand-in-failed'), ...refused]).toEqual([]);
  });

  return { harness, models, line, setDelays, restart, create, call, logged, fail, until, connected, needs };
}
