import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { serveHealth } from '../../agents/health.ts';
import { CallMeter } from '../../agents/telemetry/call-meter.ts';
import { TelemetryHub } from '../../agents/telemetry/hub.ts';
import { jobMetrics } from '../../agents/telemetry/metrics.ts';
import { TelemetryReporter } from '../../agents/telemetry/reporter.ts';
import { longestLine } from '../../agents/telemetry/wire.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';

/** Value of a series, by its name with labels as Prometheus writes them. */
async function readSeries(hub: TelemetryHub, series: string): Promise<number | undefined> {
  const line = (await hub.render()).split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('the metrics of a worker', () => {
  let hub: TelemetryHub;
  let faults: string[];

  const reporter = (options = {}) => {
    const made = new TelemetryReporter({ path: hub.path, retryMs: 5, ...options });
    onTestFinished(() => made.close());
    return made;
  };
  const value = (series: string) => readSeries(hub, series);

  beforeEach(async () => {
    faults = [];
    hub = await TelemetryHub.open({ maxCalls: 7, onFault: (fault) => faults.push(fault) });
    onTestFinished(() => hub.close());
  });

  it('come together by a socket that its user alone can open, and that is removed at the end', async () => {
    expect(statSync(hub.path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(hub.path)).mode & 0o777).toBe(0o700);
    await hub.close();
    expect(existsSync(dirname(hub.path))).toBe(false);
  });

  it('are those of all jobs; what a job has at the moment vanishes with it, what it counted stays', async () => {
    const [one, other] = [reporter(), reporter()];
    for (const job of [one, other]) {
      job.set('parley_active_calls', 1);
      job.count('parley_watchdog_total', { kind: 'filler' });
      job.count('parley_tokens_total', { vendor: 'anthropic', model: 'claude-haiku-4-5', kind: 'prompt' }, 20.5);
      job.observe('parley_turn_stage_seconds', { stage: 'request', vendor: 'anthropic' }, 0.31);
    }
    await expect.poll(() => value('parley_active_calls')).toBe(2);
    await one.close();
    await expect.poll(() => value('parley_active_calls')).toBe(1);
    expect(await value('parley_watchdog_total{kind="filler"}')).toBe(2);
    const prompt = 'parley_tokens_total{vendor="anthropic",model="claude-haiku-4-5",kind="prompt"}';
    expect(await value(prompt)).toBe(41);
    const bucket = (bound: string) =>
      value(`parley_turn_stage_seconds_bucket{le="${bound}",stage="request",vendor="anthropic"}`);
    expect([await bucket('0.3'), await bucket('0.4')]).toEqual([0, 2]);
    expect(await value('parley_max_calls')).toBe(7);
    expect(faults).toEqual([]);
  });

  it('are a page that Prometheus can read, with a help text for each, served beside the health of the worker', async () => {
    const job = reporter();
    job.set('parley_active_calls', 1);
    job.count('parley_fallbacks_total', { port: 'llm', from: 'a "quoted"\nname', to: '', reason: 'error' });
    const fallbacks = 'parley_fallbacks_total{port="llm",from="a__quoted__name",to="",reason="error"}';
    await expect.poll(() => value(fallbacks)).toBe(1);
    const server = await serveHealth('127.0.0.1', 0, { ready: async () => true, activeCalls: () => 1, metrics: hub });
    onTestFinished(() => void server.close());
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const lines = (await answer.text()).trimEnd().split('\n');
    const series = /^[a-z_][a-z\d_]*(?:\{(?:[a-z_]+="[^"\\\n]*",?)*\})? (?:-?[\d.]+(?:e[+-]?\d+)?|nan|\+inf)$/i;
    expect(lines.filter((line) => line && !/^# (?:HELP|TYPE) /.test(line) && !series.test(line))).toEqual([]);
    for (const name of [...Object.keys(jobMetrics), 'parley_max_calls', 'process_cpu_seconds_total']) {
      expect(lines).toContainEqual(expect.stringMatching(`^# HELP ${name} .{10}`));
    }
  });

  it('are not touched by what no job of ours would say, and the connection of a line without end is closed', async () => {
    const socket = createConnection(hub.path);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const bad = [
      'no json',
      '{"type":"observe","name":"parley_unknown","labels":{},"value":1}',
      '{"type":"observe","name":"parley_watchdog_total","labels":{"kind":"filler","who":"Ann"},"value":1}',
      '{"type":"observe","name":"parley_watchdog_total","labels":{"kind":"a whole sentence"},"value":1}',
      '{"type":"observe","name":"parley_watchdog_total","labels":{"kind":"filler"},"value":-1}',
      '{"type":"health","key":"llm:anthropic","well":"no","atMs":1}',
    ];
    socket.write(`${bad.join('\n')}\n`);
    await expect.poll(() => faults).toEqual(bad.map(() => 'not understood'));
    socket.write('x'.repeat(longestLine + 1));
    await closed;
    expect(faults.at(-1)).toBe('too long');
    expect(await hub.render()).not.toMatch(/^parley_(?:watchdog|unknown)\w*\{/m);
  });

  it('do not grow without end, whatever the labels', async () => {
    const job = reporter({ queueLength: 10_000 });
    for (let index = 0; index < 2_000; index += 1) {
      job.count('parley_speech_characters_total', { vendor: `vendor-${index}` });
    }
    job.count('parley_watchdog_total', { kind: 'apology' });
    await expect.poll(() => value('parley_watchdog_total{kind="apology"}')).toBe(1);
    expect((await hub.render()).match(/^parley_speech_characters_total\{/gm)).toHaveLength(500);
  });

  it('wait in a job whose worker is away, as many as fit, and are sent when it is back', async () => {
    const { path } = hub;
    await hub.close();
    const job = new TelemetryReporter({ path, queueLength: 3, retryMs: 5 });
    onTestFinished(() => job.close(0));
    job.set('parley_active_calls', 1);
    for (let index = 0; index < 5; index += 1) job.count('parley_watchdog_total', { kind: 'filler' });
    const received = await new Promise<string>((resolve) => {
      const server = createServer((socket) => {
        socket.once('data', (data) => resolve(data.toString()));
        onTestFinished(() => void socket.destroy());
      });
      onTestFinished(() => void server.close());
      mkdirSync(dirname(path), { mode: 0o700 });
      onTestFinished(() => rmSync(dirname(path), { recursive: true, force: true }));
      server.listen(path);
    });
    expect(received.match(/parley_watchdog_total/g)).toHaveLength(3);
    expect(received.match(/parley_active_calls/g)).toHaveLength(1);
  });

  it('cost a job nothing that has no worker', async () => {
    const job = new TelemetryReporter({ path: undefined });
    job.count('parley_watchdog_total', { kind: 'filler' });
    job.set('parley_active_calls', 1);
    await job.close();
  });

  it('share what a job learns about vendors with the others and with those that come later, and with nobody twice', async () => {
    const jobs = Array.from({ length: 3 }, () => {
      const health = new VendorHealth();
      const told: string[] = [];
      health.onChange(({ key, well }) => told.push(`${key} ${well}`));
      onTestFinished(() => health.close());
      return { health, told };
    });
    const [one, other, late] = jobs as [(typeof jobs)[0], (typeof jobs)[0], (typeof jobs)[0]];
    for (const { health } of [one, other]) reporter().share(health);
    one.health.failed('llm:anthropic', 'timeout');
    await expect.poll(() => other.health.isWell('llm:anthropic')).toBe(false);
    reporter().share(late.health);
    await expect.poll(() => late.health.isWell('llm:anthropic')).toBe(false);
    other.health.succeeded('llm:anthropic');
    await expect.poll(() => [one, late].map(({ health }) => health.isWell('llm:anthropic'))).toEqual([true, true]);
    expect(jobs.map(({ told }) => told)).toEqual([['llm:anthropic false'], ['llm:anthropic true'], []]);
  });

  it('tell of a call what its events say, in names that are no person', async () => {
    const job = reporter();
    const meter = new CallMeter(job);
    meter.recovered({ kind: 'fallback', port: 'llm', from: 'llm:anthropic', to: 'llm:openai', reason: 'stall' });
    meter.speculated({ used: 1, dropped: 2 });
    meter.toolCalled({ server: 'weather', tool: 'fore cast', outcome: 'done' });
    const none = { transcriptMs: null, firstSentenceMs: null };
    meter.answered({
      turnId: 'turn',
      agent: 'concierge',
      typed: false,
      interrupted: false,
      transcriptionDelayMs: null,
      endOfTurnDelayMs: null,
      ttftMs: null,
      ttfbMs: null,
      audioMs: null,
      waterfall: {
        ...none,
        endOfTurnMs: 300,
        requestMs: -250,
        firstTokenMs: 120,
        firstAudioMs: 310,
        firstFrameMs: 420,
        vendors: { stt: 'deepgram', llm: 'anthropic', tts: 'cartesia' },
        tokens: { prompt: 1, cached: 0, completion: 1 },
        costDollars: null,
      },
    });
    await expect.poll(() => value('parley_voice_to_voice_seconds_sum{typed="false"}')).toBe(0.42);
    const stages = (await hub.render()).match(/^parley_turn_stage_seconds_sum\{.*$/gm);
    expect(stages).toEqual([
      'parley_turn_stage_seconds_sum{stage="end_of_turn",vendor=""} 0.3',
      'parley_turn_stage_seconds_sum{stage="request",vendor="anthropic"} 0',
      'parley_turn_stage_seconds_sum{stage="first_token",vendor="anthropic"} 0.12',
      'parley_turn_stage_seconds_sum{stage="first_audio",vendor="cartesia"} 0.31',
      'parley_turn_stage_seconds_sum{stage="first_frame",vendor=""} 0.42',
    ]);
    expect(await value('parley_active_calls')).toBe(1);
    expect(await value('parley_watchdog_total{kind="fallback"}')).toBe(1);
    expect(await value('parley_fallbacks_total{port="llm",from="anthropic",to="openai",reason="stall"}')).toBe(1);
    expect(await value('parley_speculations_total{outcome="dropped"}')).toBe(2);
    expect(await value('parley_mcp_calls_total{server="weather",tool="fore_cast",outcome="done"}')).toBe(1);
  });
});
