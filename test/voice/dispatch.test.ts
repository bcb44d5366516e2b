import { setTimeout as sleep } from 'node:timers/promises';
import { inArray } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { sessions } from '../../db/schema/sessions.ts';
import { Caller, epochMs } from '../../scripts/caller.ts';
import { createRooms } from '../../services/rooms.ts';
import { jobProcesses } from '../support/job-processes.ts';
import { type LiveStack, type LiveWorker, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
const callerCount = 20;
/** What a person who joins may at most wait for an agent. Twenty at once keep two slow cores busy for half a minute. */
const agentLimitMs = { inTurn: 25_000, atOnce: 40_000 };
/** A late agent is waited for as well, so that the failure says how late it was. */
const patienceMs = 60_000;

/** A call that has its agent. */
interface Answered {
  roomName: string;
  /** From the moment the caller began to join until an agent was ready for it. */
  waitedMs: number;
}

describe.skipIf(!shared)('many calls', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
  });

  afterAll(() => stack.stop());

  test('20 callers who come one after another and stay each find an agent', async () => {
    await startWorker(stack, 2);
    const answered: Answered[] = [];
    for (const caller of newCallers()) answered.push(await call(stack, caller));
    await expectShortWaits(stack, 'one after another', answered, agentLimitMs.inTurn);
    await expectOneAgentEach(stack, answered);
  });

  test('20 callers who come at once each find an agent, and keep it when the worker is told to stop', async () => {
    // One process becomes ready after another, in over a second each: only those that are warm already can meet a burst.
    const worker = await startWorker(stack, callerCount);
    const callers = newCallers();
    const answered = await Promise.all(callers.map((caller) => call(stack, caller)));
    await expectShortWaits(stack, 'at once', answered, agentLimitMs.atOnce);
    await expectOneAgentEach(stack, answered);

    // Most processes for the next calls have not even been started by now.
    process.kill(worker.process.pid, 'SIGTERM');
    await sleep(4_000);
    await expectOneAgentEach(stack, answered);
    await Promise.all(callers.map((caller) => caller.leave()));
    expect(await worker.process.exited).toEqual({ code: 0, signal: null });
  });
});

/** Starts a worker that may take all callers, and waits for its idle processes. */
async function startWorker(stack: LiveStack, idleProcesses: number): Promise<LiveWorker> {
  const worker = await stack.startWorker({
    WORKER_MAX_CALLS: String(callerCount),
    WORKER_IDLE_PROCESSES: String(idleProcesses),
  });
  onTestFinished(() => worker.process.stop(20_000));
  await expect.poll(() => jobProcesses(worker), { timeout: 90_000, interval: 500 }).toHaveLength(idleProcesses);
  return worker;
}

function newCallers(): Caller[] {
  const callers = Array.from({ length: callerCount }, () => new Caller());
  onTestFinished(async () => void (await Promise.all(callers.map((caller) => caller.leave()))));
  return callers;
}

async function call(stack: LiveStack, caller: Caller): Promise<Answered> {
  const agents = [{ agent_name: '', metadata: '{"modality":"text"}' }];
  const { server_url, participant_token, room_name } = await stack.token({ room_config: { agents } });
  const joiningAtMs = epochMs();
  await caller.join(server_url, participant_token, { microphone: false });
  await caller.waitForAgent(patienceMs);
  return { roomName: room_name, waitedMs: epochMs() - joiningAtMs };
}

/** Prints how long the callers waited. @throws when one waited too long. */
async function expectShortWaits(
  stack: LiveStack,
  manner: string,
  answered: readonly Answered[],
  limitMs: number,
): Promise<void> {
  const waitsMs = answered.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
  const percentile = (share: number) => Math.round(waitsMs[Math.ceil(share * waitsMs.length) - 1] as number);
  const rows = await drizzle(stack.database.client)
    .select()
    .from(sessions)
    .where(
      inArray(
        sessions.roomName,
        answered.map(({ roomName }) => roomName),
      ),
    );
  const again = rows.reduce((sum, { dispatchAttempts }) => sum + dispatchAttempts, 0);
  process.stdout.write(
    `${callerCount} callers ${manner}: agent ready after p50 ${percentile(0.5)} ms, p95 ${percentile(0.95)} ms, ` +
      `last ${percentile(1)} ms; dispatched again ${again} times\n`,
  );
  expect(waitsMs.filter((waitedMs) => waitedMs > limitMs)).toEqual([]);
}

async function expectOneAgentEach(stack: LiveStack, answered: readonly Answered[]): Promise<void> {
  const rooms = createRooms(stack.livekit);
  const inRooms = await Promise.all(answered.map(({ roomName }) => rooms.participants(roomName)));
  const agentsPerRoom = inRooms.map((participants) => participants.filter(({ isAgent }) => isAgent).length);
  expect(agentsPerRoom).toEqual(Array(callerCount).fill(1));
}
