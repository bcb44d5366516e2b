import { jsonb, pgTable, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { OnboardingAnswers } from '../../domain/onboarding.ts';
import { users } from './users.ts';

/** How far a user has come in the onboarding: one row each, made with the user. */
export const onboardingStates = pgTable('onboarding_states', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  answers: jsonb('answers').$type<OnboardingAnswers>().notNull(),
  completedAt: timestamp('completed_at', { withTimezone: true }),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
});
