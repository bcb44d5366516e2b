import type { FieldCipher } from '../core/crypto/field-cipher.ts';
import { newId } from '../core/ids.ts';
import { defaultTenant } from '../domain/tenant.ts';

/** How much data to make. */
export interface SeedSize {
  users: number;
  turnsPerUser: number;
}

/** A user that was made, with the one session they have. */
export interface SeededUser {
  userId: string;
  sessionId: string;
}

/** A superuser's connection to PostgreSQL, or PGlite itself. */
interface Admin {
  query(text: string, values?: unknown[]): Promise<unknown>;
}

/** Users written by one statement. */
const usersPerBatch = 1_000;
const now = new Date().toISOString();

/**
 * Fills a migrated database as a superuser, with every personal field sealed as the services seal it.
 * @param progress Told now and then how far it has come.
 */
export async function seedData(
  admin: Admin,
  cipher: FieldCipher,
  { users, turnsPerUser }: SeedSize,
  progress: (line: string) => void,
): Promise<SeededUser[]> {
  const seeded: SeededUser[] = [];
  while (seeded.length < users) {
    const batch = Array.from({ length: Math.min(usersPerBatch, users - seeded.length) }, () => ({
      userId: newId(),
      sessionId: newId(),
    }));
    await insertUsers(admin, cipher, batch);
    await insertTurns(admin, cipher, batch, turnsPerUser);
    seeded.push(...batch);
    if (seeded.length % 10_000 === 0) progress(`${seeded.length} of ${users} users`);
  }
  progress('analysing');
  await admin.query('vacuum analyze');
  return seeded;
}

async function insertUsers(admin: Admin, cipher: FieldCipher, batch: readonly SeededUser[]): Promise<void> {
  const ids = batch.map(({ userId }) => userId);
  const sealed = (place: string, text: (index: number) => string) =>
    ids.map((id, index) => cipher.seal(`${place}:${id}`, text(index)));
  const common = [ids, defaultTenant.id, now];
  await admin.query('insert into users (id, tenant_id, created_at) select u, $2, $3 from unnest($1::uuid[]) u', common);
  await admin.query(
    `insert into user_roles (user_id, tenant_id, role, granted_at) select u, $2, 'student', $3 from unnest($1::uuid[]) u`,
    common,
  );
  await admin.query(
    `insert into profiles (user_id, tenant_id, language, preferred_name, goal, updated_at)
     select u, $2, 'en', n, g, $3 from unnest($1::uuid[], $4::text[], $5::text[]) as t (u, n, g)`,
    [
      ...common,
      sealed('profiles.preferred_name', (index) => `Person ${index}`),
      sealed('profiles.goal', () => 'to practise presentations'),
    ],
  );
  await admin.query(
    `insert into preferences (user_id, tenant_id, "values", updated_at) select u, $2, '{"theme":"dark","volume":7}', $3
     from unnest($1::uuid[]) u`,
    common,
  );
  await admin.query(
    `insert into onboarding_states (user_id, tenant_id, answers, current_step, updated_at)
     select u, $2, a, 'goal', $3 from unnest($1::uuid[], $4::text[]) as t (u, a)`,
    [...common, sealed('onboarding_states.answers', (index) => JSON.stringify({ preferred_name: `Person ${index}` }))],
  );
  await admin.query(
    `insert into sessions (id, tenant_id, user_id, room_name, agent_name, modality, created_at, token_expires_at,
       dispatch_check_at, ended_at)
     select s, $2, u, 'room-' || s, 'parley', 'voice', $3, $3, $3, $3 from unnest($1::uuid[], $4::uuid[]) as t (u, s)`,
    [...common, batch.map(({ sessionId }) => sessionId)],
  );
}

async function insertTurns(
  admin: Admin,
  cipher: FieldCipher,
  batch: readonly SeededUser[],
  turnsPerUser: number,
): Promise<void> {
  const rows = batch.flatMap((user) =>
    Array.from({ length: turnsPerUser }, (_, index) => ({ ...user, id: newId(), position: index + 1 })),
  );
  const text = 'I would like to talk about the presentation that I am to give next week, please.';
  await admin.query(
    `insert into turns (id, tenant_id, session_id, user_id, position, speaker, agent, text, edits, interrupted, said_at)
     select i, $1, s, u, p, case p % 2 when 0 then 'agent' else 'user' end, null, x, '[]', false, $2
     from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::text[]) as t (i, s, u, p, x)`,
    [
      defaultTenant.id,
      now,
      rows.map(({ id }) => id),
      rows.map(({ sessionId }) => sessionId),
      rows.map(({ userId }) => userId),
      rows.map(({ position }) => position),
      rows.map(({ id }) => cipher.seal(`turns.text:${id}`, text)),
    ],
  );
}
