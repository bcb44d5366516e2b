import { setTimeout as sleep } from 'node:timers/promises';
import { TokenSource } from 'livekit-client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newRoomName } from '../../core/ids.ts';
import { Caller, epochMs, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
/** What somebody who comes back may wait for an answer, on a machine whose neighbours take most of it: it takes three seconds. */
const answerLimitMs = 20_000;

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
  const options = (roomName: string, modality: 'text' | 'voice' = 'text') => ({
    roomName,
    participantName: 'Robin',
    participantMetadata: 'from a test',
    participantAttributes: { theme: 'dark' },
    agentName: stack.agentName,
    agentMetadata: JSON.stringify({ modality }),
  });

  /** Fetches a token, joins and types every two seconds until an agent answers; the caller stays. */
  async function join(roomName: string, modality: 'text' | 'voice'): Promise<{ caller: Caller; waitedMs: number }> {
    const { serverUrl, participantToken } = await tokenSource().fetch(options(roomName, modality));
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => shown.push(piece) });
    await caller.join(serverUrl, participantToken, { microphone: modality === 'voice' });
    const joinedAtMs = epochMs();
    const answer = () => shown.find(({ text }) => text.startsWith('I heard'));
    await expect
      .poll(
        async () => {
          if (!answer()) await caller.type('are you there');
          return answer();
        },
        { timeout: 30_000, interval: 2_000 },
      )
      .toBeDefined();
    return { caller, waitedMs: Math.round((answer()?.firstTextAtMs ?? Number.NaN) - joinedAtMs) };
  }

  // LiveKit tells of a leaving publisher at once, so the agent is hanging up when that person is back; of others it tells
  // every three seconds, so that the same agent may still be there.
  test.each([
    ['voice', 0],
    ['text', 0],
    ['text', 3_000],
  ] as const)('is answered when it comes back to a %s call after %i ms', async (modality, awayMs) => {
    const roomName = newRoomName();
    const first = await join(roomName, modality);
    await first.caller.leave();
    await sleep(awayMs);
    const again = await join(roomName, modality);
    process.stdout.write(
      `a ${modality} call answers after ${first.waitedMs} ms, back ${awayMs} ms later after ${again.waitedMs} ms\n`,
    );
    await again.caller.leave();
    expect(again.waitedMs).toBeLessThan(answerLimitMs);
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
