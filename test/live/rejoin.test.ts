import { setTimeout as sleep } from 'node:timers/promises';
import { TokenSource } from 'livekit-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newRoomName } from '../../core/ids.ts';
import { Caller, epochMs, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
/** What somebody who comes back may wait for an agent. */
const agentLimitMs = 5_000;

describe.skipIf(!shared)('a client with LiveKit’s own token source', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  function tokenSource() {
    return TokenSource.endpoint(`${stack.apiUrl}/api/v1/token`, {
      headers: { authorization: `Bearer ${stack.developmentToken}` },
    });
  }

  /** Options as a web client sets them. */
  const options = (roomName: string) => ({
    roomName,
    participantName: 'Robin',
    participantMetadata: 'from a test',
    participantAttributes: { theme: 'dark' },
    agentName: stack.agentName,
    agentMetadata: '{"modality":"text"}',
  });

  /** Fetches a token, joins and holds one turn with an agent other than `former`; the caller stays. */
  async function join(roomName: string, former?: string): Promise<{ caller: Caller; agent: string; waitedMs: number }> {
    const { serverUrl, participantToken } = await tokenSource().fetch(options(roomName));
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => shown.push(piece) });
    await caller.join(serverUrl, participantToken, { microphone: false });
    const joinedAtMs = epochMs();
    await expect.poll(() => [...caller.room.remoteParticipants.keys()], { timeout: 30_000 }).not.toContain(former);
    const agent = await caller.waitForAgent(30_000);
    const waitedMs = Math.round(epochMs() - joinedAtMs);
    await caller.type('are you there');
    await expect.poll(() => shown.at(-1)?.text, { timeout: 10_000 }).toBe('I heard: are you there.');
    return { caller, agent, waitedMs };
  }

  test.each([
    ['at once', 0],
    ['after 3 s', 3_000],
  ])('finds an agent when it comes back to its room %s', async (when, awayMs) => {
    const roomName = newRoomName();
    const first = await join(roomName);
    await first.caller.leave();
    await sleep(awayMs);
    const again = await join(roomName, first.agent);
    process.stdout.write(`agent after ${first.waitedMs} ms, after ${again.waitedMs} ms for a person back ${when}\n`);
    await again.caller.leave();
    expect(again.waitedMs).toBeLessThan(agentLimitMs);
  });

  test('is told which of its options are refused', async () => {
    const roomName = newRoomName();
    const refusals = [
      [{ agentName: 'nobody' }, /400.*room_config\.agents\.0\.agent_name: is not one of/],
      [{ agentMetadata: '{"modality":"smell"}' }, /400.*room_config\.agents\.0\.metadata/],
      [{ participantIdentity: 'somebody-else' }, /400.*participant_identity: is chosen by the server/],
      [{ participantAttributes: { 'lk.agent.state': 'idle' } }, /400.*participant_attributes\.lk\.agent\.state/],
      [{ roomName: 'not a room' }, /400.*room_name: needs 1 to 128 letters/],
      [{ deployment: 'blue' }, /400.*deployment: is not a field a client may set/],
    ] as const;
    for (const [wrong, message] of refusals) {
      await expect(tokenSource().fetch({ ...options(roomName), ...wrong })).rejects.toThrow(message);
    }
    const stranger = TokenSource.endpoint(`${stack.apiUrl}/api/v1/token`, { headers: { authorization: 'Bearer no' } });
    await expect(stranger.fetch(options(roomName))).rejects.toThrow(/401.*The token is not valid/);
  });
});
