import { type Room, RoomEvent } from '@livekit/rtc-node';
import type { Log } from '../core/log.ts';

/** Sends JSON to one participant alone, as a text stream; one who has just left is no failure. */
export function roomTeller(room: Room, identity: string, log: Log) {
  return (topic: string, message: unknown): void => {
    room.localParticipant
      ?.sendText(JSON.stringify(message), { topic, destinationIdentities: [identity] })
      .catch(() => log.debug({ topic }, 'a message did not reach the caller'));
  };
}

/** Calls back on each data packet of a topic that the server itself has sent; participants could send such ones too. */
export function onServerData(room: Room, topic: string, onData: () => void): void {
  room.on(RoomEvent.DataReceived, (_payload, participant, _kind, receivedTopic) => {
    if (!participant && receivedTopic === topic) onData();
  });
}
