import type { Room } from '@livekit/rtc-node';

/**
 * Takes each message on a topic of a room, whole, in the order in which they began. One who leaves in the middle of a message
 * doesn't get the rest.
 */
export function onMessage(room: Room, topic: string, take: (message: string) => void): void {
  let taken = Promise.resolve();
  room.registerTextStreamHandler(topic, (reader) => {
    const reading = reader.readAll().catch(() => undefined);
    taken = taken.then(async () => {
      const message = await reading;
      if (message !== undefined) take(message);
    });
  });
}
