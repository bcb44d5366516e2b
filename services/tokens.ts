import { eq, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newRoomName } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { UserActor } from '../domain/actor.ts';
import { dispatchMetadataSchema, firstAgentSchema, type Modality, participantIdentityOf } from '../domain/session.ts';
import type { TokenRequest, TokenResponse } from '../domain/token.ts';
import type { Context } from './context.ts';
import { dispatchIfAgentless } from './dispatches.ts';
import { seal } from './fields.ts';
import { type Participation, signJoinToken } from './join-tokens.ts';
import { defaultAgent, insertSession, requireSessionAllowance, tokenEnd } from './new-sessions.ts';
import { requirePermission } from './permissions.ts';
import { dispatchMetadataOf, type StoredSession } from './sessions.ts';
import { settingsOfTenant } from './tenants.ts';
import { withActor } from './with-actor.ts';

/**
 * A token to join the room of one of the user's own sessions, made for it when the name is new or not given. The room's
 * creation dispatches its agent; into a room that stands without one the agent is dispatched here.
 * @throws AppError `invalid_input` naming the field that is refused, `not_found` for the room of somebody else's session.
 */
export async function issueToken(
  context: Context,
  request: TokenRequest,
  participation?: Participation,
): Promise<TokenResponse> {
  const owner = requirePermission(context.actor, 'sessions.join');
  const { userId } = owner;
  const identity = participantIdentityOf(userId);
  requireOwnIdentity(request.participant_identity, identity);
  requireFreeAttributes(request.participant_attributes);
  const agent = requestedAgent(request, context.settings.agentNames);

  const { session, isNew } = await findOrCreateSession(context, owner, request.room_name, agent);
  if (!isNew) await dispatchAgainQuietly(context, session);

  const { roomName, agentName } = session;
  const dispatchMetadata = dispatchMetadataOf(context, session);
  return {
    server_url: context.settings.livekit.publicUrl,
    participant_token: await signJoinToken(
      context.settings,
      { userId, roomName, agentName, dispatchMetadata },
      request,
      participation,
    ),
    room_name: roomName,
    session_id: session.id,
  };
}

interface RequestedAgent {
  agentName: string;
  modality: Modality;
  /** The app's own keys as JSON; null when there are none. */
  appMetadata: string | null;
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
      `needs to be empty or a JSON object, as text, whose "modality" is "voice" or "text" and whose "agent" is one of: ${firstAgentSchema.options.join(', ')}`,
    );
  }
  const { modality, ...appMetadata } = metadata.data;
  return { agentName, modality, appMetadata: Object.keys(appMetadata).length ? JSON.stringify(appMetadata) : null };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function findOrCreateSession(
  context: Context,
  { tenantId, userId }: UserActor,
  roomName: string = newRoomName(),
  agent: RequestedAgent | null,
): Promise<{ session: StoredSession; isNew: boolean }> {
  const { appMetadata = null, ...named } = agent ?? {
    agentName: defaultAgent(context.settings.agentNames),
    modality: 'voice' as const,
  };
  const found = await withActor(context, async (tx) => {
    const created = await insertSession(context, tx, { tenantId, userId }, { roomName, ...named, appMetadata });
    if (created) return { session: created, isNew: true };

    const [own] = await tx.select().from(sessions).where(eq(sessions.roomName, roomName)).for('update');
    if (own) {
      // The stored agent stands unless this request names one.
      const change = agent && { ...named, appMetadata: seal(context, sessions.appMetadata, own.id, appMetadata) };
      const [session] = await tx
        .update(sessions)
        .set({
          ...change,
          tokenExpiresAt: tokenEnd(context, context.clock()),
          endedAt: null,
          ...((change || own.endedAt) && { version: sql`${sessions.version} + 1` }),
        })
        .where(eq(sessions.id, own.id))
        .returning();
      if (own.endedAt) await requireSessionAllowance(tx, userId, (await settingsOfTenant(tx, tenantId)).limits);
      return { session: session as StoredSession, isNew: false };
    }
    const message = 'is not a room of yours: leave it out for a new one';
    throw new AppError('not_found', `room_name: ${message}`, { faults: [{ field: 'room_name', message }] });
  });
  if (!found.isNew) await context.cache.forget({ tenantId, userId });
  return found;
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
