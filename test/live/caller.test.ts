import { once } from 'node:events';
import { RoomEvent } from '@livekit/rtc-node';
import { AccessToken, RoomServiceClient } from 'livekit-server-sdk';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { newRoomName } from '../../core/ids.ts';
import { Caller } from '../../scripts/caller.ts';

const shared = inject('livekit');

describe.skipIf(!shared)('a caller', () => {
  const server = shared as NonNullable<typeof shared>;

  async function join(caller: Caller, roomName: string, identity: string): Promise<void> {
    const token = new AccessToken(server.apiKey, server.apiSecret, { identity });
    token.addGrant({ roomJoin: true, room: roomName });
    await caller.join(server.url, await token.toJwt(), { microphone: false });
    onTestFinished(() => caller.leave());
  }

  // What would fail here is not this test: an error that nobody waits for fails the run as a whole.
  test('who is put out of the room in the middle of a sentence has what was whole', async () => {
    const roomName = newRoomName();
    const shown: string[] = [];
    const caller = new Caller({ shown: ({ text }) => void shown.push(text) });
    await join(caller, roomName, 'caller');
    const agent = new Caller();
    await join(agent, roomName, 'agent');
    const options = { topic: 'lk.transcription', destinationIdentities: ['caller'] };
    await agent.room.localParticipant?.sendText('Hello.', options);
    await expect.poll(() => shown).toEqual(['Hello.']);
    const writer = await agent.room.localParticipant?.streamText(options);
    await writer?.write('How are ');

    const out = once(caller.room, RoomEvent.Disconnected);
    await new RoomServiceClient(server.url, server.apiKey, server.apiSecret).deleteRoom(roomName);
    await out;
    expect(shown).toEqual(['Hello.']);
  });
});
