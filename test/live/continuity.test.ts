import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { phrases } from '../../agents/turns/phrases.ts';
import { lifetimes } from '../../core/limits.ts';
import type { TokenRequest } from '../../domain/token.ts';
import { Caller, epochMs, type Shown } from '../../scripts/caller.ts';
import { healthOf, jobProcesses } from '../support/job-processes.ts';
import { type LiveStack, type LiveWorker, startLiveStack } from '../support/live-stack.ts';
import { connectedRedis, type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';
import { patience } from '../support/voice-call.ts';

describe.skipIf(!inject('livekit'))('a call that loses what carries it', () => {
  let stack: LiveStack;
  let redis: RedisServer | undefined;
  const workers: LiveWorker[] = [];

  beforeAll(async () => {
    if (redisIsInstalled) redis = await startRedis();
    stack = await startLiveStack({ webhooks: true, redisUrl: redis?.url });
  });

  afterAll(async () => {
    await stack?.stop();
    await redis?.stop();
  });

  const startWorker = () => stack.startWorker({ WORKER_DRAIN_TIMEOUT_MS: '1000' });
  const jobsOf = async () => (await Promise.all(workers.map(jobProcesses))).flat();

  /** A text call: a new one, or again into its room. */
  async function join(request: TokenRequest = {}) {
    const agents = [{ agent_name: '', metadata: '{"modality":"text"}' }];
    const { server_url, participant_token, room_name } = await stack.token({ room_config: { agents }, ...request });
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => void (piece.speaker === 'agent' && shown.push(piece)) });
    await caller.join(server_url, participant_token, { microphone: false });
    onTestFinished(() => caller.leave());
    return { caller, answers: () => shown.map(({ text }) => text.trim()), roomName: room_name };
  }

  /** A text call in the middle of the onboarding: the name is saved, the goal is asked for. */
  async function onboardingCall() {
    while (workers.length < 2) workers.push(await startWorker());
    // The busy worker is the one with this call, so the jobs of others have to be over: one may take 25 s to end.
    const calls = async () =>
      (await Promise.all(workers.map(healthOf))).reduce((sum, { activeCalls }) => sum + activeCalls, 0);
    await expect.poll(calls, { timeout: 60_000 }).toBe(0);
    await expect.poll(async () => (await jobsOf()).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(workers.length);
    const authorization = `Bearer ${stack.developmentToken}`;
    const restart = { method: 'POST', headers: { authorization } };
    expect((await fetch(`${stack.apiUrl}/api/v1/onboarding/restart`, restart)).status).toBe(200);
    const call = await join();
    const { caller, answers } = call;
    await caller.waitForAgent(patience.timeout);
    await expect.poll(() => answers().at(-1), patience).toContain('What can I do for you?');
    await caller.type('hello I would like to set up my profile');
    await expect.poll(() => answers().at(-1), patience).toContain('What would you like me to call you?');
    await caller.type('please call me Robin');
    await expect.poll(() => answers().at(-1), patience).toContain('What would you like to use our conversations for?');
    return call;
  }

  /** What the person is in for: a line, the same agent, the same step, and one agent. */
  async function goesOn(call: Awaited<ReturnType<typeof join>>, lostAtMs: number, meanwhile = async () => {}) {
    await expect.poll(() => call.answers().at(-1), { timeout: 60_000, interval: 10 }).toBe(phrases.backAgain.en);
    process.stdout.write(`the person heard of an agent ${Math.round(epochMs() - lostAtMs)} ms after the loss\n`);
    await meanwhile();
    await ends(call);
  }

  /** The next answer is the one to the step that was asked for, by the one agent there is. */
  async function ends({ caller, answers }: Awaited<ReturnType<typeof join>>) {
    await caller.type('I want to practise my presentations');
    await expect.poll(() => answers().at(-1), patience).toContain('Which language shall we speak');
    // Who was taken out of the room is told of when its connection ends, a moment later.
    await expect.poll(() => [...caller.room.remoteParticipants.keys()], patience).toHaveLength(1);
    await caller.leave();
  }

  test('goes on with the same agent at the same step when its process is killed', async () => {
    const call = await onboardingCall();
    const [, pid] = await busyProcess();
    const killedAtMs = epochMs();
    process.kill(pid, 'SIGKILL');
    await goesOn(call, killedAtMs);
  });

  test('goes on with the same job when the API is started anew', async () => {
    const call = await onboardingCall();
    const agents = [...call.caller.room.remoteParticipants.keys()];
    const said = call.answers().length;
    await stack.restartApi();
    // Longer than a job that is not heard of is waited for.
    await sleep(4 * lifetimes.lostJobMs);
    await ends(call);
    expect(call.answers()).toHaveLength(said + 1);
    expect(agents).toHaveLength(1);
  });

  test.skipIf(!redisIsInstalled)(
    'goes on with the same job when Redis is emptied, which LiveKit and the API share',
    async () => {
      const call = await onboardingCall();
      const said = call.answers().length;
      const connection = await connectedRedis(redis?.url ?? '');
      expect(await connection.dbsize()).toBeGreaterThan(0);
      await connection.flushall();
      connection.disconnect();
      await sleep(4 * lifetimes.lostJobMs);
      await ends(call);
      expect(call.answers()).toHaveLength(said + 1);
    },
  );

  test('goes on when the LiveKit server is started anew', async () => {
    const call = await onboardingCall();
    await stack.restartLiveKit();
    // What a client does that was told that its server stops.
    await call.caller.leave();
    const rejoinedAtMs = epochMs();
    await goesOn(await join({ room_name: call.roomName }), rejoinedAtMs);
  });

  test('goes on with another worker when its own is stopped and its patience is over', async () => {
    const call = await onboardingCall();
    const [worker] = await busyProcess();
    const stoppedAtMs = epochMs();
    const stopping = worker.process.stop(60_000);
    workers.splice(workers.indexOf(worker), 1);
    await goesOn(call, stoppedAtMs);
    await stopping;
  });

  test('goes on with another worker when its whole worker is killed', async () => {
    const call = await onboardingCall();
    const [worker] = await busyProcess();
    const killedAtMs = epochMs();
    process.kill(-worker.process.pid, 'SIGKILL');
    workers.splice(workers.indexOf(worker), 1);
    await goesOn(call, killedAtMs);
  });

  // The last one: a worker that was frozen for long has no process waiting for a while.
  test('goes on with another worker when its own stands still, and has one agent when that comes back', {
    timeout: 240_000,
  }, async () => {
    const call = await onboardingCall();
    const [worker] = await busyProcess();
    const frozenAtMs = epochMs();
    process.kill(-worker.process.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(-worker.process.pid, 'SIGCONT'));
    await goesOn(call, frozenAtMs, async () => {
      process.kill(-worker.process.pid, 'SIGCONT');
      // It hears of it by its next heartbeat, and a job that ends may take 25 s.
      await expect.poll(() => healthOf(worker), { timeout: 60_000 }).toMatchObject({ activeCalls: 0 });
    });
  });

  /** The worker and the process that serve the one call there is. */
  async function busyProcess(): Promise<[LiveWorker, number]> {
    for (const worker of workers) {
      const response = await fetch(`${worker.url}/healthz`);
      const { activeCalls } = (await response.json()) as { activeCalls: number };
      if (activeCalls === 0) continue;
      // The oldest: the one that was warm when the call came.
      const [pid = 0] = (await jobProcesses(worker)).toSorted((a, b) => a - b);
      return [worker, pid];
    }
    throw new Error('no worker has a call');
  }
});
