import { sql } from 'drizzle-orm';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** How far a user has come in the onboarding: one row each, made with the user. */
export const onboardingStates = pgTable(
  'onboarding_states',
  {
    userId: ownerId()
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    tenantId: tenantId(),
    /** JSON `OnboardingAnswers`. Null until the first one is given. */
    answers: sealed('answers'),
    /** Steps by the definition of their time: one that a later definition doesn't know is left out when they are read. */
    skipped: text('skipped').array().notNull().default(sql`'{}'::text[]`),
    /** The step to be asked; null when there is none left. */
    currentStep: text('current_step'),
    completedAt: moment('completed_at'),
    /** Counts the writes, for ETags. */
    version: integer('version').notNull().default(1),
    updatedAt: moment('updated_at').notNull(),
  },
  personalRows,
);
