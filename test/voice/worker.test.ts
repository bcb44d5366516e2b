import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Environment } from '../../core/config/environment.ts';
import { Caller, type CallerEvents, lineSamples, type Shown } from '../../scripts/caller.ts';
import { healthOf, jobProcesses } from '../support/job-processes.ts';
import { type LiveStack, type LiveWorker, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
const agentJoinTimeoutMs = 3_000;
/** Somebody without an agent is looked after once a patience; nobody came in this long. */
const nobodyComesMs = 2 * agentJoinTimeoutMs;

describe.skipIf(!shared)('the worker', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack({ agentJoinTimeoutMs });
  });

  afterAll(() => stack.stop());

  async function startWorker(env?: Environment): Promise<LiveWorker> {
    const worker = await stack.startWorker(env);
    onTestFinished(() => worker.process.stop(10_000));
    return worker;
  }

  async function join(modality: 'text' | 'voice', events?: CallerEvents): Promise<Caller> {
    const agents = [{ agent_name: '', metadata: JSON.stringify({ modality }) }];
    const { server_url, participant_token } = await stack.token({ room_config: { agents } });
    const caller = new Caller(events);
    await caller.join(server_url, participant_token, { microphone: modality === 'voice' });
    return caller;
  }

  test('ends a job with its call', async () => {
    const worker = await startWorker();
    await expect.poll(() => jobProcesses(worker), { timeout: 10_000 }).toHaveLength(1);
    const [taken] = await jobProcesses(worker);
    const caller = await join('text');
    await caller.waitForAgent(20_000);
    expect(await healthOf(worker)).toEqual({ healthz: 200, readyz: 200, activeCalls: 1 });
    await caller.leave();
    await expect.poll(() => healthOf(worker), { timeout: 8_000 }).toMatchObject({ activeCalls: 0 });
    await expect.poll(() => jobProcesses(worker), { timeout: 2_000 }).not.toContain(taken);
  });

  test('drains on SIGTERM: goes on with its call, takes no new one, and ends with code 0', async () => {
    const worker = await startWorker();
    const shown: Shown[] = [];
    const caller = await join('text', { shown: (piece) => shown.push(piece) });
    await caller.waitForAgent(20_000);
    const stopping = worker.process.stop(90_000);
    await expect.poll(() => healthOf(worker)).toEqual({ healthz: 200, readyz: 503, activeCalls: 1 });

    const latecomer = await join('text');
    await expect(latecomer.waitForAgent(nobodyComesMs)).rejects.toThrow('no agent was ready');
    await caller.type('are you still there');
    await expect.poll(() => shown.at(-1)?.text, { timeout: 10_000 }).toBe('I heard: are you still there.');

    await caller.leave();
    await stopping;
    expect(await worker.process.exited).toEqual({ code: 0, signal: null });
    await startWorker();
    await latecomer.waitForAgent(20_000);
    await latecomer.leave();
  });

  test('takes no more calls than its cap, and whoever waits gets an agent once there is room', async () => {
    const worker = await startWorker({ WORKER_MAX_CALLS: '1' });
    const first = await join('text');
    await first.waitForAgent(20_000);
    const second = await join('text');
    await expect(second.waitForAgent(nobodyComesMs)).rejects.toThrow('no agent was ready');
    expect(await healthOf(worker)).toMatchObject({ activeCalls: 1 });
    await first.leave();
    await second.waitForAgent(20_000);
    await second.leave();
  });

  test('does not let the environment switch the framework to a cloud', async () => {
    const asked: string[] = [];
    const cloud = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(503).end();
    });
    cloud.on('upgrade', (request, socket) => {
      asked.push(`upgrade ${request.url}`);
      socket.destroy();
    });
    await new Promise<void>((resolve) => cloud.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void cloud.close());
    const address = `127.0.0.1:${(cloud.address() as AddressInfo).port}`;
    await startWorker({
      LIVEKIT_DEV_MODE: '1',
      LIVEKIT_INFERENCE_URL: `http://${address}`,
      LIVEKIT_REMOTE_EOT_URL: `http://${address}`,
      LIVEKIT_AGENT_NAME: 'somebody-else',
      LIVEKIT_AGENT_NAME_OVERRIDE: 'somebody-else',
      LIVEKIT_WORKER_TOKEN: 'cloud-token',
      // The framework would ask its cloud for the end of a turn.
      TURN_DETECTION: 'model',
    });
    const shown: Shown[] = [];
    const caller = await join('voice', { shown: (piece) => shown.push(piece) });
    await caller.waitForAgent(20_000);
    await expect.poll(() => shown.at(-1)?.text, { timeout: 10_000 }).toContain('What can I do for you?');
    await sleep(2_000);
    await caller.speak(lineSamples('en-what-can-you-do'));
    await expect.poll(() => shown.at(-1)?.text, { timeout: 15_000 }).toContain('I can talk with you');
    await caller.leave();
    expect(asked).toEqual([]);
  });
});
