import { AgentDispatchClient, DataPacket_Kind, RoomServiceClient, ServerError } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../core/config/livekit.ts';
import { AppError } from '../core/errors.ts';

/** Somebody in a room, as far as we need to know. */
export interface RoomParticipant {
  identity: string;
  isAgent: boolean;
  joinedAt: Date;
}

/** The LiveKit server's rooms. Every method throws AppError `unavailable` when the server can't be asked. */
export interface Rooms {
  /** Those of the named rooms that exist. */
  existing(roomNames: string[]): Promise<ReadonlySet<string>>;
  /** Who is in a room; nobody when there is no such room. */
  participants(roomName: string): Promise<RoomParticipant[]>;
  /** Asks for an agent in a room; `metadata` is what its job reads. */
  dispatch(roomName: string, agentName: string, metadata: string): Promise<void>;
  /** Sends an empty data packet to one participant of a room, reliably as long as they are connected. */
  tell(roomName: string, topic: string, identity: string): Promise<void>;
  /** Takes somebody out of a room, if they are in it. Their token would let them in again. */
  removeParticipant(roomName: string, identity: string): Promise<void>;
}

const requestTimeoutSeconds = 3;
/** `livekit.ParticipantInfo.Kind.AGENT` of LiveKit's protocol; the server SDK doesn't export that enumeration. */
const agentKind = 4;

/** The rooms of a real LiveKit server. */
export function createRooms({ url, apiKey, apiSecret }: LiveKitConfig): Rooms {
  const options = { requestTimeout: requestTimeoutSeconds };
  const rooms = new RoomServiceClient(url, apiKey, apiSecret, options);
  const dispatches = new AgentDispatchClient(url, apiKey, apiSecret, options);
  return {
    existing: (roomNames) => ask(async () => new Set((await rooms.listRooms(roomNames)).map((room) => room.name))),
    participants: (roomName) =>
      ask(async () =>
        (await rooms.listParticipants(roomName)).map((participant) => ({
          identity: participant.identity,
          isAgent: participant.kind === agentKind,
          joinedAt: new Date(Number(participant.joinedAtMs)),
        })),
      ),
    dispatch: (roomName, agentName, metadata) =>
      ask(async () => {
        await dispatches.createDispatch(roomName, agentName, { metadata });
      }),
    tell: (roomName, topic, identity) =>
      ask(() =>
        rooms.sendData(roomName, new Uint8Array(), DataPacket_Kind.RELIABLE, {
          topic,
          destinationIdentities: [identity],
        }),
      ),
    removeParticipant: (roomName, identity) =>
      ask(() => rooms.removeParticipant(roomName, identity).catch(ignoreAbsence)),
  };
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof ServerError && error.code === 'not_found')) throw error;
}

async function ask<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw new AppError('unavailable', 'The LiveKit server can not be asked just now', { cause: error });
  }
}
