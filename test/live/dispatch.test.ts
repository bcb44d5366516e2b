import { RoomServiceClient } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { sessions } from '../../db/schema/sessions.ts';
import { Caller, epochMs } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
const callers = 20;
/** What a person who has joined may at most wait for an agent. */
const agentLimitMs = 25_000;
/** An agent that comes too late is still waited for, so that the failure says how late it was. */
const patienceMs = 60_000;

/** A call that has its agent. */
interface Answered {
  roomName: string;
  /** From the moment the caller began to join to the agent being ready. */
  waitedMs: number;
}

describe.skipIf(!shared)('many calls', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
  });

  afterAll(() => stack.stop());

  test('20 callers one after another, all of whom stay, each find an agent', async () => {
    await startWorker(stack);
    const answered: Answered[] = [];
    for (let caller = 0; caller < callers; caller++) answered.push(await call(stack));
    await expectOneAgentEach(stack, 'one after another', answered);
  });

  test('20 callers at once each find an agent', async () => {
    await startWorker(stack);
    const answered = await Promise.all(Array.from({ length: callers }, () => call(stack)));
    await expectOneAgentEach(stack, 'at once', answered);
  });
});

async function startWorker(stack: LiveStack): Promise<void> {
  const worker = await stack.startWorker({ WORKER_MAX_CALLS: String(callers), WORKER_IDLE_PROCESSES: process.env.T_IDLE ?? '2' });
  await new Promise((r) => setTimeout(r, Number(process.env.T_WARM ?? 0)));
  onTestFinished(() => worker.process.stop(20_000));
}

async function call(stack: LiveStack): Promise<Answered> {
  const agents = [{ agent_name: '', metadata: '{"modality":"text"}' }];
  const { server_url, participant_token, room_name } = await stack.token({ room_config: { agents } });
  const caller = new Caller();
  onTestFinished(() => caller.leave());
  const joiningAtMs = epochMs();
  await caller.join(server_url, participant_token, { microphone: false });
  await caller.waitForAgent(patienceMs);
  return { roomName: room_name, waitedMs: epochMs() - joiningAtMs };
}

async function expectOneAgentEach(stack: LiveStack, name: string, answered: readonly Answered[]): Promise<void> {
  const waitsMs = answered.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
  const at = (share: number) => Math.round(waitsMs[Math.ceil(share * waitsMs.length) - 1] ?? Number.NaN);
  const rows = await stack.database.db.select().from(sessions);
  const again = rows.filter((r) => answered.some((a) => a.roomName === r.roomName)).reduce((sum, { dispatchAttempts }) => sum + dispatchAttempts, 0);
  process.stdout.write(
    `${callers} callers ${name}: agent after p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)}; dispatched again ${again} times; all ${waitsMs.map(Math.round)}\n`,
  );
  expect(waitsMs.filter((waitedMs) => waitedMs > agentLimitMs)).toEqual([]);

  const rooms = new RoomServiceClient(stack.livekit.url, stack.livekit.apiKey, stack.livekit.apiSecret);
  const agentsPerRoom = await Promise.all(
    answered.map(async ({ roomName }) => {
      const participants = await rooms.listParticipants(roomName);
      return participants.filter(({ kind }) => kind === 4).length;
    }),
  );
  expect(agentsPerRoom).toEqual(Array(callers).fill(1));
}
