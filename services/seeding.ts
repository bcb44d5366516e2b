import { createHash } from 'node:crypto';
import { and, eq, ne } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import { tenants } from '../db/schema/tenants.ts';
import { turns } from '../db/schema/turns.ts';
import { users } from '../db/schema/users.ts';
import { type Role, roles } from '../domain/role.ts';
import type { CoreContext } from './context.ts';
import { seal } from './fields.ts';
import { requirePermission } from './permissions.ts';
import { developmentUser, insertUser } from './users.ts';
import { withActor } from './with-actor.ts';

/** The tenant of the example data. */
export const exampleTenant = {
  id: '7d1c1f5a-3a0e-4f0b-9a57-2c6e8f4b1d20',
  slug: 'parley-example',
  name: 'Example Academy (fictitious)',
} as const;

/** How many rows were made. */
export interface Seeded {
  users: number;
  sessions: number;
  turns: number;
}

type SeedContext = Pick<CoreContext, 'database' | 'cipher' | 'clock' | 'actor'>;

const sessionsPerUser = 2;
/** A conversation of nobody, said in turn by agent and user. */
const lines = [
  'Good morning, what would you like to practise today?',
  'The opening of a talk about bicycles in a town that does not exist.',
  'Begin with one picture: what does somebody see who arrives there?',
  'A square full of bicycles, and a fountain that rings like a bell.',
] as const;

/**
 * Fills a tenant of its own with people who don't exist: of each role as many as asked for, each with a name, an address
 * under `example.test`, two sessions and their turns. What is there from the last time stays as it is.
 * @throws AppError `conflict` when the database has users of its own and `isForced` doesn't say that they don't matter.
 */
export async function seedExample(
  context: SeedContext,
  {
    usersPerRole,
    isForced,
    onProgress = () => undefined,
  }: {
    usersPerRole: number;
    isForced: boolean;
    onProgress?: (done: number, all: number) => void;
  },
): Promise<Seeded> {
  requirePermission(context.actor, 'data.seed');
  if (!isForced) await requireNoOthers(context);
  await withActor(context, (tx) => {
    const now = context.clock();
    return tx
      .insert(tenants)
      .values({ ...exampleTenant, createdAt: now, updatedAt: now })
      .onConflictDoNothing();
  });
  const people = roles.flatMap((role) =>
    Array.from({ length: usersPerRole }, (_, index) => ({ role, name: `${role}-${index + 1}` })),
  );
  let made = 0;
  for (const [index, person] of people.entries()) {
    if (await seedPerson(context, person)) made += 1;
    onProgress(index + 1, people.length);
  }
  return { users: made, sessions: made * sessionsPerUser, turns: made * sessionsPerUser * lines.length };
}

async function requireNoOthers(context: SeedContext): Promise<void> {
  const isOther = and(ne(users.tenantId, exampleTenant.id), ne(users.id, developmentUser.userId));
  if (await withActor(context, (tx) => tx.$count(users, isOther))) {
    throw new AppError(
      'conflict',
      'The database has users of its own: example data goes beside them with --force only',
    );
  }
}

/** Makes a person, unless there is one of that name. */
async function seedPerson(context: SeedContext, { role, name }: { role: Role; name: string }): Promise<boolean> {
  const now = context.clock();
  const own = { tenantId: exampleTenant.id, userId: idOf(name) };
  const { userId } = own;
  return withActor(context, async (tx) => {
    if (await tx.$count(users, eq(users.id, userId))) return false;
    await insertUser(tx, { ...own, roles: [role] }, now);
    await tx
      .update(profiles)
      .set({ preferredName: seal(context, profiles.preferredName, userId, `Example ${name}`), language: 'en' })
      .where(eq(profiles.userId, userId));
    const id = idOf(`${name} e-mail`);
    const address = `${name}@example.test`;
    await tx.insert(identities).values({
      ...own,
      id,
      provider: 'email',
      subject: seal(context, identities.subject, id, address),
      subjectIndex: context.cipher.index('email', address),
      createdAt: now,
      verifiedAt: now,
    });
    for (let number = 1; number <= sessionsPerUser; number += 1) {
      await seedSession(context, tx, { ...own, id: idOf(`${name} session ${number}`), number });
    }
    return true;
  });
}

async function seedSession(
  context: SeedContext,
  tx: Transaction,
  { tenantId, userId, id, number }: { tenantId: string; userId: string; id: string; number: number },
): Promise<void> {
  const now = context.clock();
  await tx.insert(sessions).values({
    id,
    tenantId,
    userId,
    roomName: `room-example-${id}`,
    agentName: 'parley',
    modality: 'voice',
    title: seal(context, sessions.title, id, `Example conversation ${number}`),
    createdAt: now,
    endedAt: now,
    tokenExpiresAt: now,
    dispatchCheckAt: now,
  });
  await tx.insert(turns).values(
    lines.map((line, index) => {
      const turnId = idOf(`${id} turn ${index + 1}`);
      const isAgent = index % 2 === 0;
      return {
        id: turnId,
        tenantId,
        sessionId: id,
        userId,
        position: index + 1,
        speaker: isAgent ? ('agent' as const) : ('user' as const),
        agent: isAgent ? 'concierge' : null,
        text: seal(context, turns.text, turnId, line),
        edits: [],
        interrupted: false,
        saidAt: now,
      };
    }),
  );
}

/** The id of an example's row, the same each time: a UUID of version 8, made of a digest (RFC 9562, section 5.8). */
function idOf(name: string): string {
  const digits = createHash('sha256').update(`parley example ${name}`).digest('hex');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
