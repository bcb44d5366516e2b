import { index, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/**
 * How a user is known outside: an e-mail address, a phone number, the subject of an OIDC issuer, an app's own name for them.
 * Sealed, and found by `subjectIndex`, the keyed digest of its normal form.
 */
export const identities = pgTable(
  'identities',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** `email`, `phone`, `app`, or `oidc:` and the issuer. */
    provider: text('provider').notNull(),
    subject: sealed('subject').notNull(),
    subjectIndex: text('subject_index').notNull(),
    createdAt: moment('created_at').notNull(),
    /** When the user proved that it is theirs. */
    verifiedAt: moment('verified_at'),
  },
  (table) => [
    unique('identities_subject').on(table.tenantId, table.provider, table.subjectIndex),
    index('identities_user_id').on(table.userId),
    ...personalRows(table),
  ],
);
