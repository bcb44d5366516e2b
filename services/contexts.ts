import { eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { prepared } from '../db/prepared.ts';
import { facts } from '../db/schema/facts.ts';
import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { preferences } from '../db/schema/preferences.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import { summaries } from '../db/schema/summaries.ts';
import { turns } from '../db/schema/turns.ts';
import type { UserContext } from '../domain/context.ts';
import type { CoreContext } from './context.ts';
import { factOf } from './facts.ts';
import { onboardingOf } from './onboarding.ts';
import { requirePermission, requireSession, sessionNotFound, userNotFound } from './permissions.ts';
import { profileOf } from './profiles.ts';
import { sessionOf } from './sessions.ts';
import {
  storedFactSchema,
  storedOnboardingSchema,
  storedPreferencesSchema,
  storedProfileSchema,
  storedSessionSchema,
  storedSummarySchema,
  storedTurnSchema,
} from './stored-rows.ts';
import { summaryOf } from './summaries.ts';
import { turnOf } from './turns.ts';
import { withActor } from './with-actor.ts';

/** A context as it is stored, personal fields sealed. */
const storedContextSchema = z.object({
  profile: storedProfileSchema,
  preferences: storedPreferencesSchema,
  onboarding: storedOnboardingSchema,
  session: storedSessionSchema.nullable(),
  turns: z.array(storedTurnSchema),
  facts: z.array(storedFactSchema),
  summaries: z.array(storedSummarySchema),
});

type StoredContext = z.infer<typeof storedContextSchema>;

/**
 * All an agent needs about the person it talks with: profile, preferences, onboarding, its session and the last turns of it,
 * what is remembered of the person and what their last other sessions were about: neither while they refuse to be remembered.
 * To a user the same, with the session that is asked about or none.
 * @throws AppError `not_found` when the user has been removed, and for a session the actor may not see.
 */
export async function getContext(
  context: CoreContext,
  { sessionId }: { sessionId?: string } = {},
): Promise<UserContext> {
  const actor = requirePermission(context.actor, 'context.read');
  if (sessionId !== undefined) requireSession(actor, sessionId);
  const of = actor.kind === 'agent' ? actor.sessionId : sessionId;
  const name = of === undefined ? 'context' : `context:${of}`;
  return context.cache.read(actor, name, {
    schema: storedContextSchema,
    load: () => load(context, actor.userId, of),
    open: (stored) => opened(context, stored),
  });
}

/** One statement, whose answer is one JSON document. */
async function load(context: CoreContext, userId: string, sessionId: string | undefined): Promise<StoredContext> {
  const of = sessionId ?? null;
  const [row] = await withActor(context, (tx) => selectContext(tx, { userId, sessionId: of }));
  if (!row) throw userNotFound();
  const stored = storedContextSchema.parse(row.context);
  if (of !== null && !stored.session) throw sessionNotFound();
  return stored;
}

function opened(context: CoreContext, stored: StoredContext): UserContext {
  return {
    profile: profileOf(context, stored.profile),
    preferences: stored.preferences,
    onboarding: onboardingOf(context, stored.onboarding),
    session: stored.session && sessionOf(context, stored.session),
    turns: stored.turns.map((turn) => turnOf(context, turn)),
    facts: stored.facts.map((fact) => factOf(context, fact)),
    summaries: stored.summaries.map((summary) => summaryOf(context, summary)),
  };
}

const rowsAsJson = sql`'profile', ${asJson(profiles, storedProfileSchema)},
    'preferences', ${asJson(preferences, storedPreferencesSchema)},
    'onboarding', ${asJson(onboardingStates, storedOnboardingSchema)},
    'session', case when ${sessions.id} is not null then ${asJson(sessions, storedSessionSchema)} end`;
const turnsAsJson = sql`coalesce(jsonb_agg(${asJson(turns, storedTurnSchema)} order by ${turns.position}), '[]'::jsonb)`;
const factsAsJson = sql`coalesce(jsonb_agg(${asJson(facts, storedFactSchema)}
    order by ${facts.proposedAt} desc, ${facts.id} desc), '[]'::jsonb)`;
const summariesAsJson = sql`coalesce(jsonb_agg(${asJson(summaries, storedSummarySchema)}
    order by ${summaries.writtenAt} desc, ${summaries.sourceSessionId} desc), '[]'::jsonb)`;

const selectContext = prepared<{ userId: string; sessionId: string | null }, { context: unknown }[]>(
  (tx, { userId, sessionId }) =>
    tx
      .select({
        context: sql`jsonb_build_object(${rowsAsJson}, 'turns', ${lastTurns(sessionId)},
          'facts', ${keptFacts(userId)}, 'summaries', ${lastSummaries(userId, sessionId)})`,
      })
      .from(profiles)
      .innerJoin(preferences, eq(preferences.userId, profiles.userId))
      .innerJoin(onboardingStates, eq(onboardingStates.userId, profiles.userId))
      .leftJoin(sessions, sql`${sessions.id} = ${sessionId}::uuid`)
      .where(eq(profiles.userId, userId)),
);

function lastTurns(sessionId: SQL): SQL {
  return sql`(select ${turnsAsJson} from (select * from "turns" where "session_id" = ${sessionId}::uuid
    order by "position" desc limit ${sql.raw(String(sizes.contextTurns))}) "turns")`;
}

function keptFacts(userId: SQL): SQL {
  return sql`(select ${factsAsJson} from (select * from "facts" where "user_id" = ${userId}::uuid and "state" = 'kept'
    and ${mayRemember(userId)} order by "proposed_at" desc, "id" desc limit ${sql.raw(String(sizes.contextFacts))}) "facts")`;
}

function lastSummaries(userId: SQL, sessionId: SQL): SQL {
  return sql`(select ${summariesAsJson} from (select * from "summaries" where "user_id" = ${userId}::uuid
    and "source_session_id" is distinct from ${sessionId}::uuid and ${mayRemember(userId)}
    order by "written_at" desc, "source_session_id" desc limit ${sql.raw(String(sizes.contextSummaries))}) "summaries")`;
}

/** Condition: the person's last word on being remembered, if there is one, was not a refusal. */
function mayRemember(userId: SQL): SQL {
  return sql`coalesce((select "granted" from "consents" where "user_id" = ${userId}::uuid and "purpose" = 'memory'
    order by "decided_at" desc limit 1), true)`;
}

/** A row as a JSON object of the columns that a schema has. */
function asJson(table: PgTable, schema: z.ZodObject): SQL {
  const columns: Record<string, PgColumn> = getTableColumns(table);
  const fields = Object.keys(schema.shape).flatMap((name) => [sql.raw(`'${name}'`), columns[name]]);
  return sql`jsonb_build_object(${sql.join(fields, sql`, `)})`;
}
