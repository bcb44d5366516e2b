import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { PairingDevice } from '../domain/pairing.ts';
import { listenerIdentityOf, participantIdentityOf } from '../domain/session.ts';
import type { CoreContext } from './context.ts';
import type { Rooms } from './rooms.ts';
import { withActor } from './with-actor.ts';

/**
 * Takes ends of a pairing out of its room, so that no microphone stays open behind a client which doesn't listen. When LiveKit
 * can't be asked it is left to the clients, who are told as well.
 */
export async function removeFromRoom(
  context: CoreContext & { rooms: Rooms },
  { sessionId, userId }: { sessionId: string; userId: string },
  devices: readonly PairingDevice[],
): Promise<void> {
  const rooms = await withActor(context, (tx) =>
    tx.select({ roomName: sessions.roomName }).from(sessions).where(eq(sessions.id, sessionId)),
  );
  const identities = { phone: participantIdentityOf(userId), computer: listenerIdentityOf(userId) };
  try {
    for (const { roomName } of rooms) {
      for (const device of devices) await context.rooms.removeParticipant(roomName, identities[device]);
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
    context.log.warn({ sessionId }, 'the ends of a pairing could not be taken out of their room');
  }
}
