import { and, eq, isNull } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { Modality } from '../domain/session.ts';
import type { TenantSettings } from '../domain/tenant.ts';
import type { CacheOwner } from './cache.ts';
import type { Context } from './context.ts';
import { seal } from './fields.ts';
import type { StoredSession } from './sessions.ts';
import { settingsOfTenant } from './tenants.ts';

/** A session to be stored, its personal fields still open. */
export interface SessionDraft {
  roomName: string;
  agentName: string;
  modality: Modality;
  title?: string | null;
  /** JSON for the dispatch, see `sessions.appMetadata`. */
  appMetadata?: string | null;
}

/**
 * Makes the row of a session, the one way there is. It stays open for as long as a token issued now would last, then the job
 * for abandoned sessions ends it.
 * @returns null when the room's name is taken.
 * @throws AppError `conflict` when the user has as many open sessions as the tenant allows.
 */
export async function insertSession(
  context: Context,
  tx: Transaction,
  { tenantId, userId }: CacheOwner,
  { title = null, appMetadata = null, ...draft }: SessionDraft,
): Promise<StoredSession | null> {
  const id = newId();
  const now = context.clock();
  const inserting = tx
    .insert(sessions)
    .values({
      id,
      tenantId,
      userId,
      ...draft,
      title: seal(context, sessions.title, id, title),
      appMetadata: seal(context, sessions.appMetadata, id, appMetadata),
      createdAt: now,
      tokenExpiresAt: tokenEnd(context, now),
      dispatchCheckAt: new Date(now.getTime() + lifetimes.dispatchAcceptMs),
    })
    .onConflictDoNothing({ target: sessions.roomName })
    .returning();
  const [[created], { limits }] = await Promise.all([inserting, settingsOfTenant(tx, tenantId)]);
  if (!created) return null;
  await requireSessionAllowance(tx, userId, limits);
  return created;
}

/** When a token that is issued now ends. */
export function tokenEnd({ settings }: Pick<Context, 'settings'>, now: Date): Date {
  return new Date(now.getTime() + settings.tokenTtlSeconds * 1_000);
}

/**
 * Makes sure that a user has no more open sessions than the tenant allows, with the one just made or opened again.
 * @throws AppError `conflict` when they have, which undoes it.
 */
export async function requireSessionAllowance(
  tx: Transaction,
  userId: string,
  { sessionsPerUser }: TenantSettings['limits'],
): Promise<void> {
  if (sessionsPerUser === undefined) return;
  // Sessions made at once wait for each other here, so that each is counted by the next.
  await tx.select({ userId: profiles.userId }).from(profiles).where(eq(profiles.userId, userId)).for('no key update');
  const open = await tx.$count(sessions, and(eq(sessions.userId, userId), isNull(sessions.endedAt)));
  if (open > sessionsPerUser) {
    throw new AppError('conflict', `You have ${sessionsPerUser} open sessions, which is all you may: end one first`);
  }
}

/** The agent of whoever leaves the choice to us. */
export function defaultAgent([first]: string[]): string {
  if (!first) throw new AppError('internal', 'No agent is configured: AGENT_NAMES is empty');
  return first;
}
