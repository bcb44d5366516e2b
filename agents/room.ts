import { type Room, RoomEvent } from '@livekit/rtc-node';
import { newId } from '../core/ids.ts';
import type { Log } from '../core/log.ts';

/**
 * Sends JSON to one participant alone, as text streams that arrive in the order in which they were told; one who has just left
 * is no failure.
 */
export function roomTeller(room: Pick<Room, 'localParticipant'>, identity: string, log: Pick<Log, 'debug'>) {
  let told = Promise.resolve();
  return (topic: string, message: unknown): void => {
    const text = JSON.stringify(message);
    // Two streams that are open at once may end in either order.
    told = told
      .then(
        async () => void (await room.localParticipant?.sendText(text, { topic, destinationIdentities: [identity] })),
      )
      .catch(() => log.debug({ topic }, 'a message did not reach the caller'));
  };
}

/** Calls back on each data packet of a topic that the server itself has sent; participants could send such ones too. */
export function onServerData(room: Room, topic: string, onData: () => void): void {
  room.on(RoomEvent.DataReceived, (_payload, participant, _kind, receivedTopic) => {
    if (!participant && receivedTopic === topic) onData();
  });
}

/**
 * Writes lines of the agent into the transcript of the room, as LiveKit's clients read it: each a segment of its own, complete at
 * once.
 */
export function transcriptWriter(room: Room, log: Log) {
  return (text: string): void => {
    const attributes = { 'lk.segment_id': newId(), 'lk.transcription_final': 'true' };
    room.localParticipant
      ?.sendText(text, { topic: 'lk.transcription', attributes })
      .catch(() => log.debug('a line of the transcript did not reach the room'));
  };
}
