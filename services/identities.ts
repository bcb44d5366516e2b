import { and, eq, inArray, sql } from 'drizzle-orm';
import type { FieldCipher } from '../core/crypto/field-cipher.ts';
import { newId } from '../core/ids.ts';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { tenants } from '../db/schema/tenants.ts';
import { userRoles } from '../db/schema/user-roles.ts';
import { users } from '../db/schema/users.ts';
import type { Role } from '../domain/role.ts';
import { type AuditEntry, audit } from './audit.ts';
import { seal } from './fields.ts';
import { insertUser } from './users.ts';

/** Who it is that knows a user by a name: their mailbox, the app, or an issuer of tokens. */
export type IdentityProvider = 'email' | 'app' | `oidc:${string}`;

/** How somebody is known outside of Parley. */
export interface OutsideName {
  tenantId: string;
  provider: IdentityProvider;
  /** In its normal form. */
  subject: string;
}

/** A user who may act, and as what. */
export interface Account {
  tenantId: string;
  userId: string;
  roles: Role[];
}

interface Sealing {
  cipher: FieldCipher;
}

/** The id of a tenant that is addressed by its slug. */
export async function findTenantId(tx: Transaction, slug: string): Promise<string | null> {
  const [tenant] = await tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.slug, slug));
  return tenant?.id ?? null;
}

/** Condition on `identities`: it is this name, whichever key its digest was made with. */
export function isNamed({ cipher }: Sealing, { tenantId, provider, subject }: OutsideName) {
  return and(
    eq(identities.tenantId, tenantId),
    eq(identities.provider, provider),
    inArray(identities.subjectIndex, cipher.indexes(provider, subject)),
  );
}

/** The user of that name; they may be disabled. */
export async function findUserId(context: Sealing, tx: Transaction, name: OutsideName): Promise<string | null> {
  const [known] = await tx.select({ userId: identities.userId }).from(identities).where(isNamed(context, name));
  return known?.userId ?? null;
}

/** How a user comes to be. */
interface Making {
  now: Date;
  verified: boolean;
  /** Who is written down as having made the user; absent for the user themselves. */
  by?: AuditEntry['actor'];
}

/**
 * The user of that name, made with an identity when there is none yet. Two first requests at once make one user.
 */
export async function ensureUserId(
  context: Sealing,
  tx: Transaction,
  name: OutsideName,
  making: Making,
): Promise<string> {
  const known = await findUserId(context, tx, name);
  return known ?? (await findOnceAlone(context, tx, name)) ?? makeUser(context, tx, name, making);
}

async function makeUser(
  context: Sealing,
  tx: Transaction,
  name: OutsideName,
  { now, verified, by }: Making,
): Promise<string> {
  const { tenantId, provider, subject } = name;
  const [id, userId] = [newId(), newId()];
  await insertUser(tx, { tenantId, userId }, now);
  await tx.insert(identities).values({
    id,
    tenantId,
    userId,
    provider,
    subject: seal(context, identities.subject, id, subject),
    subjectIndex: context.cipher.index(provider, subject),
    createdAt: now,
    verifiedAt: verified ? now : null,
  });
  await audit(tx, now, {
    tenantId,
    actor: by ?? { kind: 'user', id: userId },
    action: 'user.create',
    subjectId: userId,
  });
  return userId;
}

/** Waits for whoever is making the user of that name, until the end of this transaction, and looks again. */
async function findOnceAlone(context: Sealing, tx: Transaction, name: OutsideName): Promise<string | null> {
  // Processes that are given a new key one after the other have the oldest one in common.
  const digest = context.cipher.indexes(name.provider, name.subject).at(-1);
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${name.tenantId}.${digest}`}, 0))`);
  return findUserId(context, tx, name);
}

/** What a user may act as; null for one that is disabled or gone. */
export async function findAccount(tx: Transaction, userId: string): Promise<Account | null> {
  return accountOf(await selectAccount(tx, userId));
}

/**
 * As `findAccount`, and until the end of the transaction nobody else changes how the user signs in: what is revoked and what
 * is issued at the same time must not pass each other by.
 */
export async function lockAccount(tx: Transaction, userId: string): Promise<Account | null> {
  return accountOf(await selectAccount(tx, userId).for('no key update', { of: users }));
}

function selectAccount(tx: Transaction, userId: string) {
  return tx
    .select({ userId: users.id, tenantId: users.tenantId, disabledAt: users.disabledAt, role: userRoles.role })
    .from(users)
    .leftJoin(userRoles, eq(userRoles.userId, users.id))
    .where(eq(users.id, userId));
}

function accountOf(rows: Awaited<ReturnType<typeof selectAccount>>): Account | null {
  const [first] = rows;
  if (!first || first.disabledAt) return null;
  const { tenantId, userId } = first;
  return { tenantId, userId, roles: rows.flatMap(({ role }) => role ?? []) };
}
