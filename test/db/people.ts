import { getTableName } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { newId } from '../../core/ids.ts';
import type { Database, Scope } from '../../db/client.ts';
import { errorCodeOf } from '../../db/errors.ts';
import { apiKeys } from '../../db/schema/api-keys.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { consents } from '../../db/schema/consents.ts';
import { devices } from '../../db/schema/devices.ts';
import { facts } from '../../db/schema/facts.ts';
import { identities } from '../../db/schema/identities.ts';
import { lexiconEntries } from '../../db/schema/lexicon-entries.ts';
import { magicLinks } from '../../db/schema/magic-links.ts';
import { notes } from '../../db/schema/notes.ts';
import { pairingEvents } from '../../db/schema/pairing-events.ts';
import { pairings } from '../../db/schema/pairings.ts';
import { passwords } from '../../db/schema/passwords.ts';
import { refreshTokens } from '../../db/schema/refresh-tokens.ts';
import { reminders } from '../../db/schema/reminders.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { summaries } from '../../db/schema/summaries.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { turns } from '../../db/schema/turns.ts';
import { userExports } from '../../db/schema/user-exports.ts';
import { userLexiconEntries } from '../../db/schema/user-lexicon-entries.ts';
import { users } from '../../db/schema/users.ts';
import { tables } from '../../db/tables.ts';
import type { World } from './world.ts';

/** A user of a tenant with two sessions, and with a row in every table. */
export interface Person {
  tenantId: string;
  userId: string;
  sessionId: string;
  otherSessionId: string;
}

/** Makes a person and, around them, a row in every table. */
export async function newPerson(world: World, inTenant?: string): Promise<Person> {
  const user = await world.newUser(inTenant);
  const { tenantId, userId } = user;
  const own = { tenantId, userId };
  const rooms = [await world.newSession(user), await world.newSession(user)] as const;
  for (const room of rooms) await world.claim(user, room);
  const { admin } = world;
  const at = world.clock.now();
  const sealed = world.cipher.seal('test:people', 'private');
  const turn = {
    ...own,
    position: 1,
    speaker: 'user' as const,
    text: sealed,
    edits: [],
    interrupted: false,
    saidAt: at,
  };
  await admin.insert(turns).values(rooms.map((room) => ({ ...turn, id: newId(), sessionId: room.id })));
  await admin.insert(identities).values({
    ...own,
    id: newId(),
    provider: 'email',
    subject: sealed,
    subjectIndex: newId(),
    createdAt: at,
  });
  await admin.insert(passwords).values({ ...own, hash: 'hash', updatedAt: at });
  await admin
    .insert(refreshTokens)
    .values({ ...own, id: newId(), familyId: newId(), secretHash: newId(), createdAt: at, expiresAt: at });
  await admin.insert(devices).values(deviceOf(own, world));
  await admin.insert(consents).values(consentOf(own, world));
  await admin.insert(userExports).values({ ...own, id: newId(), requestedAt: at, expiresAt: at });
  await admin
    .insert(apiKeys)
    .values({ tenantId, id: newId(), name: 'key', prefix: 'pk', secretHash: newId(), scopes: [], createdAt: at });
  await admin.insert(auditLog).values({ tenantId, id: newId(), at, actorKind: 'user', actorId: userId, action: 'x' });
  await admin.insert(magicLinks).values({
    tenantId,
    id: newId(),
    secretHash: newId(),
    email: sealed,
    emailIndex: 'x',
    createdAt: at,
    expiresAt: at,
  });
  const note = { ...own, content: sealed, createdAt: at, updatedAt: at };
  await admin.insert(notes).values(rooms.map((room) => ({ ...note, sessionId: room.id })));
  for (const room of rooms) {
    const pairing = pairingOf({ ...own, sessionId: room.id }, world);
    await admin.insert(pairings).values(pairing);
    await admin.insert(pairingEvents).values({
      ...own,
      id: newId(),
      pairingId: pairing.id,
      sessionId: room.id,
      sequence: 1,
      event: sealed,
      createdAt: at,
    });
  }
  await admin.insert(facts).values(factOf(own, world));
  await admin.insert(reminders).values(reminderOf(own, world));
  const summary = { ...own, text: sealed, throughPosition: 1, model: 'a model', writtenAt: at };
  await admin.insert(summaries).values(rooms.map((room) => ({ ...summary, sourceSessionId: room.id })));
  await admin.insert(lexiconEntries).values(entryOf(own, world));
  await admin.insert(userLexiconEntries).values(userEntryOf(own, world));
  return { ...own, sessionId: rooms[0].id, otherSessionId: rooms[1].id };
}

/** Ann, who is asking; Bob is in her tenant, Eve in another one. */
export interface People {
  ann: Person;
  bob: Person;
  eve: Person;
}

/** Makes the three, and a tenant for Eve alone. */
export async function newPeople(world: World): Promise<People> {
  const elsewhere = await world.newTenant();
  return { ann: await newPerson(world), bob: await newPerson(world), eve: await newPerson(world, elsewhere) };
}

/** The scope of a transaction in which somebody asks. */
export function scopeOf({ tenantId, userId }: Pick<Person, 'tenantId' | 'userId'>): Scope {
  return { role: 'user', tenantId, userId };
}

/** Whose a row is to be. */
type Owner = Pick<Person, 'tenantId' | 'userId'>;

/** A new device of somebody. */
export function deviceOf({ tenantId, userId }: Owner, { clock, cipher }: World): typeof devices.$inferInsert {
  const at = clock.now();
  const name = cipher.seal('test:people', 'phone');
  return { tenantId, userId, id: newId(), name, platform: 'web', createdAt: at, lastSeenAt: at };
}

/** A new decision of somebody. */
export function consentOf({ tenantId, userId }: Owner, { clock }: World): typeof consents.$inferInsert {
  const decidedAt = clock.now();
  return { tenantId, userId, id: newId(), purpose: 'recording', granted: true, policyVersion: '1', decidedAt };
}

/** A new pairing of a session of somebody. */
export function pairingOf(
  { tenantId, userId, sessionId }: Owner & Pick<Person, 'sessionId'>,
  { clock }: World,
): typeof pairings.$inferInsert {
  const at = clock.now();
  const times = { codeExpiresAt: at, expiresAt: at, createdAt: at };
  return { tenantId, userId, sessionId, id: newId(), codeIndex: newId(), codeState: 'open', ...times };
}

/** A new fact about somebody, kept, of no session. */
export function factOf({ tenantId, userId }: Owner, { clock, cipher }: World): typeof facts.$inferInsert {
  const at = clock.now();
  const id = newId();
  const text = cipher.seal(`facts.text:${id}`, 'likes tea');
  return { tenantId, userId, id, agent: 'companion', text, state: 'kept', proposedAt: at, keptAt: at };
}

/** A new reminder of somebody, due now. */
export function reminderOf({ tenantId, userId }: Owner, { clock, cipher }: World): typeof reminders.$inferInsert {
  const at = clock.now();
  const id = newId();
  const text = cipher.seal(`reminders.text:${id}`, 'water the plants');
  const firstLocalTime = at.toISOString().slice(0, 16);
  return { tenantId, userId, id, text, firstLocalTime, timeZone: 'Etc/UTC', dueAt: at, createdAt: at };
}

/** A new entry of a tenant's lexicon. */
export function entryOf({ tenantId }: Pick<Owner, 'tenantId'>, { clock }: World): typeof lexiconEntries.$inferInsert {
  const at = clock.now();
  const id = newId();
  const spelling = { canonical: 'b', key: id, category: 'term', variants: ['a'] };
  return { tenantId, id, pack: 'nl-dental', ...spelling, origin: 'added', createdAt: at, updatedAt: at };
}

/** A new entry of somebody's own lexicon. */
export function userEntryOf(
  { tenantId, userId }: Owner,
  { clock, cipher }: World,
): typeof userLexiconEntries.$inferInsert {
  const at = clock.now();
  const id = newId();
  const term = cipher.seal(`user_lexicon_entries.term:${id}`, '{"canonical":"b","category":"term","variants":["a"]}');
  const learning = { origin: 'added', corrections: 0, isActive: true } as const;
  return { tenantId, userId, id, pack: 'nl-dental', term, keyIndex: id, ...learning, createdAt: at, updatedAt: at };
}

/** What somebody sees of all tables together. */
export interface View {
  /** Tables they may not read at all. */
  refused: string[];
  /** Tables they may read and find nothing in. */
  empty: string[];
  /** Whose the rows are that they find. */
  tenantIds: string[];
  userIds: string[];
  sessionIds: string[];
}

/** Reads every table in a scope, each in a transaction of its own, without any condition. */
export async function viewOf(database: Database, scope: Scope): Promise<View> {
  const view = { refused: [] as string[], empty: [] as string[] };
  const owners = { tenantIds: new Set<string>(), userIds: new Set<string>(), sessionIds: new Set<string>() };
  for (const table of tables) {
    const rows = await database
      .transaction(scope, (tx) => tx.select().from(table))
      .catch((error: unknown) => {
        if (errorCodeOf(error) === '42501') return null;
        throw error;
      });
    if (!rows) view.refused.push(getTableName(table));
    else if (!rows.length) view.empty.push(getTableName(table));
    for (const row of rows ?? []) {
      const { tenantId, userId, sessionId } = ownersOf(table, row);
      if (tenantId) owners.tenantIds.add(tenantId);
      if (userId) owners.userIds.add(userId);
      if (sessionId) owners.sessionIds.add(sessionId);
    }
  }
  return {
    ...view,
    tenantIds: [...owners.tenantIds].sort(),
    userIds: [...owners.userIds].sort(),
    sessionIds: [...owners.sessionIds].sort(),
  };
}

function ownersOf(table: PgTable, row: Record<string, unknown>): Partial<Record<string, string>> {
  const id = String(row.id);
  if (table === tenants) return { tenantId: id };
  const { tenantId, userId, sessionId } = row as Partial<Record<string, string>>;
  return { tenantId, userId: table === users ? id : userId, sessionId: table === sessions ? id : sessionId };
}
