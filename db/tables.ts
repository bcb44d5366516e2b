import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core';
import { isSealedColumn } from './columns.ts';
import { apiKeys } from './schema/api-keys.ts';
import { auditLog } from './schema/audit-log.ts';
import { consents } from './schema/consents.ts';
import { devices } from './schema/devices.ts';
import { facts } from './schema/facts.ts';
import { identities } from './schema/identities.ts';
import { leases } from './schema/leases.ts';
import { lexiconEntries } from './schema/lexicon-entries.ts';
import { magicLinks } from './schema/magic-links.ts';
import { notes } from './schema/notes.ts';
import { onboardingStates } from './schema/onboarding-states.ts';
import { pairingEvents } from './schema/pairing-events.ts';
import { pairings } from './schema/pairings.ts';
import { passwords } from './schema/passwords.ts';
import { preferences } from './schema/preferences.ts';
import { profiles } from './schema/profiles.ts';
import { refreshTokens } from './schema/refresh-tokens.ts';
import { reminders } from './schema/reminders.ts';
import { sessions } from './schema/sessions.ts';
import { summaries } from './schema/summaries.ts';
import { tenants } from './schema/tenants.ts';
import { turns } from './schema/turns.ts';
import { userExports } from './schema/user-exports.ts';
import { userLexiconEntries } from './schema/user-lexicon-entries.ts';
import { userRoles } from './schema/user-roles.ts';
import { users } from './schema/users.ts';

/** Every table, for what has to reach all of them. */
export const tables: readonly PgTable[] = [
  apiKeys,
  auditLog,
  consents,
  devices,
  facts,
  identities,
  leases,
  lexiconEntries,
  magicLinks,
  notes,
  onboardingStates,
  pairingEvents,
  pairings,
  passwords,
  preferences,
  profiles,
  refreshTokens,
  reminders,
  sessions,
  summaries,
  tenants,
  turns,
  userExports,
  userLexiconEntries,
  userRoles,
  users,
];

/** The table's column that says whose a row is; undefined where rows belong to a tenant. */
export function ownerColumnOf(table: PgTable): PgColumn | undefined {
  if (table === users) return users.id;
  return getTableConfig(table).columns.find(({ name }) => name === 'user_id');
}

/** The tables whose rows belong to a person, with the column that says to whom. */
export const personalTables = tables.flatMap((table) => {
  const owner = ownerColumnOf(table);
  return owner ? [{ table, name: getTableConfig(table).name, owner }] : [];
});

/** The column that tells rows of one owner apart: the primary key, or what beside the owner makes up a key of two columns. */
export function rowKeyOf(table: PgTable): PgColumn {
  const { columns, primaryKeys } = getTableConfig(table);
  const parts = primaryKeys.flatMap((key) => key.columns).filter(({ name }) => name !== 'user_id');
  return (columns.find(({ primary }) => primary) ?? parts[0]) as PgColumn;
}

/** Every column of ciphertext, with the key of its rows, which the ciphertext is bound to. */
export const sealedColumns = tables.flatMap((table) =>
  getTableConfig(table)
    .columns.filter(isSealedColumn)
    .map((column) => ({ table, key: rowKeyOf(table), column })),
);
