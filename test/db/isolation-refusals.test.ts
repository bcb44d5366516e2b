import { eq, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import type { Scope, Transaction } from '../../db/client.ts';
import { errorCodeOf } from '../../db/errors.ts';
import { apiKeys } from '../../db/schema/api-keys.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { consents } from '../../db/schema/consents.ts';
import { devices } from '../../db/schema/devices.ts';
import { identities } from '../../db/schema/identities.ts';
import { leases } from '../../db/schema/leases.ts';
import { lexiconEntries } from '../../db/schema/lexicon-entries.ts';
import { notes } from '../../db/schema/notes.ts';
import { onboardingStates } from '../../db/schema/onboarding-states.ts';
import { pairingEvents } from '../../db/schema/pairing-events.ts';
import { pairings } from '../../db/schema/pairings.ts';
import { preferences } from '../../db/schema/preferences.ts';
import { profiles } from '../../db/schema/profiles.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { turns } from '../../db/schema/turns.ts';
import { userLexiconEntries } from '../../db/schema/user-lexicon-entries.ts';
import { userRoles } from '../../db/schema/user-roles.ts';
import { users } from '../../db/schema/users.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import {
  consentOf,
  deviceOf,
  entryOf,
  newPeople,
  type People,
  type Person,
  pairingOf,
  scopeOf,
  userEntryOf,
} from './people.ts';

/** Insufficient privilege, which is also what a refused `WITH CHECK` is. */
const forbidden = '42501';
const foreignKeyViolation = '23503';

describeOnBothDatabases('row-level security', (world) => {
  let people: People;
  beforeAll(async () => {
    people = await newPeople(world());
  });

  /** What becomes of a query in a scope: the code it fails with, or how many rows it returned. */
  const outcome = (scope: Scope, query: (tx: Transaction) => PromiseLike<unknown>) =>
    world()
      .database.transaction(scope, async (tx) => query(tx))
      .then((rows) => (Array.isArray(rows) ? rows.length : 'done'), errorCodeOf);

  const noteOf = ({ tenantId, userId, sessionId }: Person): typeof notes.$inferInsert => {
    const at = world().clock.now();
    const content = world().cipher.seal('test:isolation', 'note');
    return { tenantId, userId, sessionId, content, createdAt: at, updatedAt: at };
  };
  const turnOf = ({ tenantId, userId, sessionId }: Person): typeof turns.$inferInsert => ({
    tenantId,
    userId,
    sessionId,
    id: newId(),
    position: 9,
    speaker: 'user',
    text: world().cipher.seal('test:people', 'said'),
    edits: [],
    interrupted: false,
    saidAt: world().clock.now(),
  });
  const sessionOf = ({ tenantId, userId }: Person): typeof sessions.$inferInsert => ({
    tenantId,
    userId,
    id: newId(),
    roomName: newId(),
    agentName: 'parley',
    modality: 'voice',
    createdAt: world().clock.now(),
    tokenExpiresAt: world().clock.now(),
    dispatchCheckAt: world().clock.now(),
  });

  describe('refuses a person', () => {
    type Attempt = (tx: Transaction) => PromiseLike<unknown>;
    const attempts: Record<string, () => Attempt> = {
      'a device for somebody else': () => (tx) => tx.insert(devices).values(deviceOf(people.bob, world())),
      'a device in another tenant': () => (tx) =>
        tx.insert(devices).values(deviceOf({ ...people.ann, tenantId: people.eve.tenantId }, world())),
      'a session for somebody else': () => (tx) => tx.insert(sessions).values(sessionOf(people.bob)),
      'a turn in the name of somebody else': () => (tx) => tx.insert(turns).values(turnOf(people.bob)),
      'a consent of somebody else': () => (tx) => tx.insert(consents).values(consentOf(people.bob, world())),
      'to hand their device on': () => (tx) => tx.update(devices).set({ userId: people.bob.userId }),
      'to hand their session on': () => (tx) => tx.update(sessions).set({ userId: people.bob.userId }),
      'to move their profile to another tenant': () => (tx) =>
        tx.update(profiles).set({ tenantId: people.eve.tenantId }),
      'a role': () => (tx) =>
        tx.insert(userRoles).values({ ...scopeIds(people.ann), role: 'admin', grantedAt: world().clock.now() }),
      'another role': () => (tx) => tx.update(userRoles).set({ role: 'admin' }),
      'to be somebody else': () => (tx) => tx.update(users).set({ id: newId() }),
      'to be there twice': () => (tx) =>
        tx.insert(users).values({ id: newId(), tenantId: people.ann.tenantId, createdAt: world().clock.now() }),
      'to be gone': () => (tx) => tx.delete(users),
      'another address': () => (tx) => tx.update(identities).set({ subjectIndex: 'x' }),
      'one address less': () => (tx) => tx.delete(identities),
      'a second profile': () => (tx) =>
        tx.insert(profiles).values({ ...scopeIds(people.ann), updatedAt: world().clock.now() }),
      'a pairing for somebody else': () => (tx) => tx.insert(pairings).values(pairingOf(people.bob, world())),
      'to hand their pairing on': () => (tx) => tx.update(pairings).set({ userId: people.bob.userId }),
      'to change what a pairing was told': () => (tx) => tx.update(pairingEvents).set({ sequence: 9 }),
      'a note for somebody else': () => (tx) => tx.insert(notes).values(noteOf(people.bob)),
      'to hand their note on': () => (tx) => tx.update(notes).set({ userId: people.bob.userId }),
      'to remove a note': () => (tx) => tx.delete(notes),
      'to take back what was said': () => (tx) => tx.delete(turns),
      'to change what was said': () => (tx) => tx.update(turns).set({ position: 5 }),
      'to remove a session': () => (tx) => tx.delete(sessions),
      'to rewrite a consent': () => (tx) => tx.update(consents).set({ granted: false }),
      'to remove a consent': () => (tx) => tx.delete(consents),
      'a lease': () => (tx) =>
        tx.insert(leases).values({
          ...scopeIds(people.ann),
          sessionId: people.ann.sessionId,
          holder: 'x',
          expiresAt: world().clock.now(),
        }),
      'the settings of their tenant': () => (tx) => tx.update(tenants).set({ name: 'Mine' }),
      'the lexicon of their tenant': () => (tx) => tx.insert(lexiconEntries).values(entryOf(people.ann, world())),
      'a term for somebody else': () => (tx) => tx.insert(userLexiconEntries).values(userEntryOf(people.bob, world())),
      'to hand their term on': () => (tx) => tx.update(userLexiconEntries).set({ userId: people.bob.userId }),
      'the version of their tenant’s lexicon': () => (tx) => tx.update(tenants).set({ lexiconVersion: 9 }),
      'the API keys': () => (tx) => tx.update(apiKeys).set({ scopes: [] }),
      'a table of their own': () => (tx) => tx.execute(sql`create table public.mine (id int)`),
      'a table without policies': () => (tx) => tx.execute(sql`alter table profiles disable row level security`),
      'an empty table': () => (tx) => tx.execute(sql`truncate turns`),
      'to look past policies': () => async (tx) => {
        await tx.execute(sql`set local row_security = off`);
        await tx.select().from(profiles);
      },
    };

    it.each(Object.keys(attempts))('%s', async (name) => {
      const attempt = attempts[name];
      expect(await outcome(scopeOf(people.ann), (attempt as () => Attempt)())).toBe(forbidden);
    });

    it('rows that refer to the session of somebody else', async () => {
      const { ann, bob, eve } = people;
      for (const { sessionId } of [bob, eve]) {
        const turn = turnOf({ ...ann, sessionId });
        expect(await outcome(scopeOf(ann), (tx) => tx.insert(turns).values(turn))).toBe(foreignKeyViolation);
      }
      for (const { sessionId } of [bob, eve]) {
        const pairing = { ...pairingOf({ ...ann, sessionId }, world()), endedAt: world().clock.now() };
        expect(await outcome(scopeOf(ann), (tx) => tx.insert(pairings).values(pairing))).toBe(foreignKeyViolation);
      }
      const unheld = sessionOf(bob);
      await world().admin.insert(sessions).values(unheld);
      const moving = outcome(scopeOf(ann), (tx) =>
        tx.update(leases).set({ sessionId: unheld.id }).where(eq(leases.sessionId, ann.otherSessionId)),
      );
      expect(await moving).toBe(foreignKeyViolation);
    });

    it('the rows of everybody else, whatever the query asks for', async () => {
      const { ann, bob, eve } = people;
      for (const { userId } of [bob, eve]) {
        for (const table of [profiles, preferences, onboardingStates, sessions, userLexiconEntries]) {
          const change = outcome(scopeOf(ann), (tx) =>
            tx.update(table).set({ version: 99 }).where(eq(table.userId, userId)).returning(),
          );
          expect(await change).toBe(0);
        }
        for (const table of [devices, leases, userLexiconEntries]) {
          const removal = outcome(scopeOf(ann), (tx) => tx.delete(table).where(eq(table.userId, userId)).returning());
          expect(await removal).toBe(0);
        }
      }
    });
  });

  it('keeps an agent to its own session', async () => {
    const { ann } = people;
    const agent = { ...scopeOf(ann), sessionId: ann.sessionId };
    const other = { ...ann, sessionId: ann.otherSessionId };
    expect(await outcome(agent, (tx) => tx.insert(turns).values(turnOf(other)))).toBe(forbidden);
    expect(await outcome(agent, (tx) => tx.insert(sessions).values(sessionOf(ann)))).toBe(forbidden);
    const title = { version: 99 };
    const change = outcome(agent, (tx) =>
      tx.update(sessions).set(title).where(eq(sessions.id, ann.otherSessionId)).returning(),
    );
    expect(await change).toBe(0);
    const release = outcome(agent, (tx) =>
      tx.delete(leases).where(eq(leases.sessionId, ann.otherSessionId)).returning(),
    );
    expect(await release).toBe(0);
    expect(await outcome(agent, (tx) => tx.insert(turns).values(turnOf(ann)).returning())).toBe(1);
    const renumber = outcome(agent, (tx) => tx.update(notes).set({ version: 5 }).returning());
    expect(await renumber).toBe(1);
  });

  it('keeps the service to its tenant, and from rewriting what was recorded', async () => {
    const { ann, eve } = people;
    const service: Scope = { role: 'service', tenantId: ann.tenantId };
    expect(await outcome(service, (tx) => tx.insert(devices).values(deviceOf(eve, world())))).toBe(forbidden);
    expect(await outcome(service, (tx) => tx.update(devices).set({ tenantId: eve.tenantId }))).toBe(forbidden);
    expect(await outcome(service, (tx) => tx.delete(users).where(eq(users.id, eve.userId)).returning())).toBe(0);
    expect(await outcome(service, (tx) => tx.update(auditLog).set({ action: 'nothing' }))).toBe(forbidden);
    expect(await outcome(service, (tx) => tx.update(consents).set({ granted: true }))).toBe(forbidden);
  });
});

function scopeIds({ tenantId, userId }: Person): { tenantId: string; userId: string } {
  return { tenantId, userId };
}
