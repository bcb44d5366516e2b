import { AccessToken, RoomAgentDispatch, RoomConfiguration } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../core/config/livekit.ts';
import { listenerIdentityOf, participantIdentityOf } from '../domain/session.ts';
import type { TokenRequest } from '../domain/token.ts';
import type { ServiceSettings } from './context.ts';

/** The room a token is for, and the agent that its creation dispatches. */
export interface JoinedSession {
  userId: string;
  roomName: string;
  agentName: string;
  /** What the agent's job reads. */
  dispatchMetadata: string;
}

/** What join tokens are signed with, and how long they are good for. */
interface JoinTokenSettings extends Pick<ServiceSettings, 'tokenTtlSeconds'> {
  livekit: Pick<LiveKitConfig, 'apiKey' | 'apiSecret'>;
}

/** How somebody takes part: a `listener` publishes nothing, and stands beside the same user's `speaker`. */
export type Participation = 'speaker' | 'listener';

/** A LiveKit token for one person to join the room of one session, with what they said about themselves. */
export function signJoinToken(
  { livekit, tokenTtlSeconds }: JoinTokenSettings,
  { userId, roomName, agentName, dispatchMetadata }: JoinedSession,
  request: TokenRequest,
  participation: Participation = 'speaker',
): Promise<string> {
  const speaks = participation === 'speaker';
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, {
    identity: speaks ? participantIdentityOf(userId) : listenerIdentityOf(userId),
    name: request.participant_name,
    metadata: request.participant_metadata,
    attributes: request.participant_attributes,
    ttl: tokenTtlSeconds,
  });
  token.addGrant({
    roomJoin: true,
    room: roomName,
    canPublish: speaks,
    canSubscribe: true,
    canPublishData: speaks,
    canUpdateOwnMetadata: false,
  });
  token.roomConfig = new SparseRoomConfiguration({
    agents: [new RoomAgentDispatch({ agentName, metadata: dispatchMetadata })],
  });
  return token.toJwt();
}

/**
 * A room configuration whose JSON leaves out what is not set. The SDK's own spells out every field it knows, and a LiveKit
 * server refuses the whole token for one it doesn't: 1.11 does for `deployment` of an agent.
 */
class SparseRoomConfiguration extends RoomConfiguration {
  override toJSON() {
    return this.toJson();
  }
}
