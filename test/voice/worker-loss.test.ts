import { setTimeout as sleep } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { sessions } from '../../db/schema/sessions.ts';
import { Caller, epochMs, type Shown } from '../../scripts/caller.ts';
import { jobProcesses } from '../support/job-processes.ts';
import { type LiveStack, type LiveWorker, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
/** Nothing tells from outside that a process is ready for a call; it takes about two seconds. */
const warmUpMs = 4_000;

describe.skipIf(!shared)('a lost job process', () => {
  let stack: LiveStack;
  let worker: LiveWorker;

  beforeAll(async () => {
    stack = await startLiveStack({ agentJoinTimeoutMs: 3_000 });
    worker = await stack.startWorker();
  });

  afterAll(() => stack.stop());

  /** A text call with what it shows; the only job process there was is the one that takes it. */
  async function call() {
    await expect.poll(() => jobProcesses(worker), { timeout: 15_000 }).toHaveLength(1);
    const [warm = 0] = await jobProcesses(worker);
    const agents = [{ agent_name: '', metadata: '{"modality":"text"}' }];
    const { server_url, participant_token } = await stack.token({ room_config: { agents } });
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => shown.push(piece) });
    return { warm, caller, shown, join: () => caller.join(server_url, participant_token, { microphone: false }) };
  }

  test('that was warm and idle costs the next caller seconds, not the agent', async () => {
    const { warm, caller, join } = await call();
    await sleep(warmUpMs);
    process.kill(warm, 'SIGKILL');
    await expect.poll(() => jobProcesses(worker)).not.toContain(warm);
    await join();
    const joinedAtMs = epochMs();
    await caller.waitForAgent(30_000);
    tell('a caller after the idle process was killed', joinedAtMs);
    await caller.leave();
  });

  test('in the middle of a call is replaced: the person gets an agent that answers', async () => {
    const { warm, caller, shown, join } = await call();
    await join();
    const lost = await caller.waitForAgent(20_000);
    await expect.poll(() => shown.at(-1)?.text, { timeout: 10_000 }).toContain('What can I do for you?');
    const killedAtMs = epochMs();
    process.kill(warm, 'SIGKILL');
    await expect.poll(() => [...caller.room.remoteParticipants.keys()], { timeout: 60_000 }).not.toContain(lost);
    await caller.waitForAgent(60_000);
    tell('a person in a call whose process was killed', killedAtMs);
    await caller.type('are you still there');
    await expect.poll(() => shown.at(-1)?.text, { timeout: 10_000 }).toBe('I heard: are you still there.');
    await caller.leave();
  });

  // The last one: a worker that was frozen has no process waiting for a while.
  test('that stands still, and its worker, have the dispatch that never arrives made again', async () => {
    const { caller, join } = await call();
    process.kill(-worker.process.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(-worker.process.pid, 'SIGCONT'));
    await join();
    const joinedAtMs = epochMs();
    const roomName = caller.room.name ?? '';
    const attempts = () =>
      drizzle(stack.database.client)
        .select({ dispatchAttempts: sessions.dispatchAttempts })
        .from(sessions)
        .where(eq(sessions.roomName, roomName));
    await expect.poll(attempts, { timeout: 15_000, interval: 50 }).toEqual([{ dispatchAttempts: 1 }]);
    process.stdout.write(
      `a dispatch that never arrived was made again after ${Math.round(epochMs() - joinedAtMs)} ms\n`,
    );
    const other = await stack.startWorker();
    onTestFinished(() => other.process.stop(10_000));
    await caller.waitForAgent(60_000);
    tell('a person whose first worker stands still', joinedAtMs);
    await caller.leave();
  });
});

function tell(who: string, sinceMs: number): void {
  process.stdout.write(`${who}: agent after ${Math.round(epochMs() - sinceMs)} ms\n`);
}
