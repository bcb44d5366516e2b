import { eq } from 'drizzle-orm';
import { AccessToken, RoomAgentDispatch, RoomConfiguration } from 'livekit-server-sdk';
import { AppError } from '../core/errors.ts';
import { newId, newRoomName } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { UserActor } from '../domain/actor.ts';
import { dispatchMetadataSchema, type Modality, participantIdentityOf } from '../domain/session.ts';
import type { TokenRequest, TokenResponse } from '../domain/token.ts';
import type { Context } from './context.ts';
import { dispatchIfAgentless } from './dispatches.ts';
import { seal } from './fields.ts';
import { requirePermission } from './permissions.ts';
import { dispatchMetadataOf, type StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/**
 * A token to join the room of one of the user's own sessions, made for it when the name is new or not given. The room's
 * creation dispatches its agent; into a room that stands without one the agent is dispatched here.
 * @throws AppError `invalid_input` naming the field that is refused, `not_found` for the room of somebody else's session.
 */
export async function issueToken(context: Context, request: TokenRequest): Promise<TokenResponse> {
  const owner = requirePermission(context.actor, 'sessions.join');
  const { userId } = owner;
  const identity = participantIdentityOf(userId);
  requireOwnIdentity(request.participant_identity, identity);
  requireFreeAttributes(request.participant_attributes);
  const agent = requestedAgent(request, context.settings.agentNames);

  const { session, isNew } = await findOrCreateSession(context, owner, request.room_name, agent);
  if (!isNew) await dispatchAgainQuietly(context, session);

  const { livekit, tokenTtlSeconds } = context.settings;
  const token = new AccessToken(livekit.apiKey, livekit.apiSecret, {
    identity,
    name: request.participant_name,
    metadata: request.participant_metadata,
    attributes: request.participant_attributes,
    ttl: tokenTtlSeconds,
  });
  token.addGrant({
    roomJoin: true,
    room: session.roomName,
    canPublish: true,
    canSubscribe: true,
    canPublishData: true,
    canUpdateOwnMetadata: false,
  });
  token.roomConfig = new SparseRoomConfiguration({
    agents: [new RoomAgentDispatch({ agentName: session.agentName, metadata: dispatchMetadataOf(context, session) })],
  });
  return {
    server_url: livekit.publicUrl,
    participant_token: await token.toJwt(),
    room_name: session.roomName,
    session_id: session.id,
  };
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

interface RequestedAgent {
  agentName: string;
  modality: Modality;
  appMetadata: Record<string, unknown>;
}

function requireOwnIdentity(requested: string | undefined, own: string): void {
  if (requested !== undefined && requested !== own) {
    throw AppError.field('participant_identity', `is chosen by the server: leave it out or send ${own}`);
  }
}

function requireFreeAttributes(attributes: Record<string, string> = {}): void {
  const names = Object.keys(attributes);
  if (names.length > sizes.attributes) {
    throw AppError.field('participant_attributes', `takes at most ${sizes.attributes} attributes`);
  }
  const reserved = names.find((name) => name.startsWith('lk.'));
  if (reserved) {
    throw AppError.field(
      `participant_attributes.${reserved}`,
      'is reserved: names that begin with "lk." are LiveKit\'s',
    );
  }
}

/** The agent a request asks for, or null when it leaves the choice to us. */
function requestedAgent(request: TokenRequest, allowed: string[]): RequestedAgent | null {
  const agent = request.room_config?.agents?.[0];
  if (!agent) return null;
  const agentName = agent.agent_name || defaultAgent(allowed);
  if (!allowed.includes(agentName)) {
    throw AppError.field('room_config.agents.0.agent_name', `is not one of: ${allowed.join(', ')}`);
  }
  const metadata = dispatchMetadataSchema.safeParse(agent.metadata ? parsedJson(agent.metadata) : {});
  if (!metadata.success) {
    throw AppError.field(
      'room_config.agents.0.metadata',
      'needs to be empty or a JSON object, as text, whose "modality" is "voice" or "text"',
    );
  }
  const { modality, ...appMetadata } = metadata.data;
  return { agentName, modality, appMetadata };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function defaultAgent([first]: string[]): string {
  if (!first) throw new AppError('internal', 'No agent is configured: AGENT_NAMES is empty');
  return first;
}

function findOrCreateSession(
  context: Context,
  { tenantId, userId }: UserActor,
  roomName: string = newRoomName(),
  agent: RequestedAgent | null,
): Promise<{ session: StoredSession; isNew: boolean }> {
  const { agentNames, agentJoinTimeoutMs, tokenTtlSeconds } = context.settings;
  const now = context.clock();
  const tokenExpiresAt = new Date(now.getTime() + tokenTtlSeconds * 1_000);
  const { appMetadata, ...named } = agent ?? { agentName: defaultAgent(agentNames), modality: 'voice' as const };
  const sealedFor = (id: string) =>
    seal(
      context,
      sessions.appMetadata,
      id,
      appMetadata && Object.keys(appMetadata).length ? JSON.stringify(appMetadata) : null,
    );
  return withActor(context, async (tx) => {
    const id = newId();
    const [created] = await tx
      .insert(sessions)
      .values({
        id,
        tenantId,
        userId,
        roomName,
        ...named,
        appMetadata: sealedFor(id),
        createdAt: now,
        tokenExpiresAt,
        dispatchCheckAt: new Date(now.getTime() + agentJoinTimeoutMs),
      })
      .onConflictDoNothing({ target: sessions.roomName })
      .returning();
    if (created) return { session: created, isNew: true };

    const [own] = await tx
      .select({ id: sessions.id })
      .from(sessions)
      .where(eq(sessions.roomName, roomName))
      .for('update');
    if (own) {
      // The stored agent stands unless this request names one.
      const [session] = await tx
        .update(sessions)
        .set({ ...(agent && { ...named, appMetadata: sealedFor(own.id) }), tokenExpiresAt, endedAt: null })
        .where(eq(sessions.id, own.id))
        .returning();
      return { session: session as StoredSession, isNew: false };
    }
    const message = 'is not a room of yours: leave it out for a new one';
    throw new AppError('not_found', `room_name: ${message}`, { faults: [{ field: 'room_name', message }] });
  });
}

// The token is good without the dispatch, and the watchdog dispatches within seconds once LiveKit can be asked again.
async function dispatchAgainQuietly(context: Context, session: StoredSession): Promise<void> {
  try {
    await dispatchIfAgentless(context, session);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
    context.log.warn({ sessionId: session.id }, 'a rejoined room could not be looked at: the watchdog will');
  }
}
