import { Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { newRoomName } from '../../core/ids.ts';
import { topics } from '../../domain/conversation.ts';
import { createRooms } from '../../services/rooms.ts';

const shared = inject('livekit');

describe.skipIf(!shared)('the packet of a changed lexicon', () => {
  const server = shared as NonNullable<typeof shared>;

  test('reaches the agent it is for, from nobody in the room, and no one else', async () => {
    const roomName = newRoomName();
    const agent = await join(roomName, 'agent-of-the-call');
    const person = await join(roomName, 'person');
    const rooms = createRooms(server);
    await rooms.tell(roomName, topics.lexicon, 'agent-of-the-call');
    // Sent after it over the same way: what the person gets first would have been the other one.
    await rooms.tell(roomName, 'test.last', 'person');
    await expect.poll(() => person.received).toEqual([{ topic: 'test.last', bytes: 0, sender: undefined }]);
    await expect.poll(() => agent.received).toEqual([{ topic: topics.lexicon, bytes: 0, sender: undefined }]);
  });

  test('can not be sent into a room that is not there', async () => {
    const rooms = createRooms(server);
    const telling = rooms.tell(newRoomName(), topics.lexicon, 'agent-of-the-call');
    await expect(telling).rejects.toMatchObject({ code: 'unavailable' });
  });

  const join = async (roomName: string, identity: string) => {
    const token = new AccessToken(server.apiKey, server.apiSecret, { identity });
    token.addGrant({ roomJoin: true, room: roomName });
    const room = new Room();
    const received: { topic: string | undefined; bytes: number; sender: string | undefined }[] = [];
    room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) =>
      received.push({ topic, bytes: payload.length, sender: participant?.identity }),
    );
    await room.connect(server.url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
    onTestFinished(() => room.disconnect());
    return { received };
  };
});
