import type pg from 'pg';
import type { FieldCipher } from '../core/crypto/field-cipher.ts';
import type { UserActor } from '../domain/actor.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { Context } from '../services/context.ts';
import { getContext } from '../services/contexts.ts';
import { getOnboarding, saveOnboardingStep } from '../services/onboarding.ts';
import { getProfile } from '../services/profiles.ts';
import type { SeededUser } from './data-seed.ts';
import { LoadConnection, requestBytes } from './http-load.ts';

/** Name of an operation. */
export type Operation = 'profile' | 'onboarding' | 'context' | 'save step';

/** Milliseconds by concurrency. */
type Targets = Record<1 | 32, number>;

/** What is measured, and what may at most pass on average hardware: p99 over HTTP. */
export const operations: Record<Operation, { targetsMs: Targets; pgliteTargetsMs?: Targets }> = {
  profile: { targetsMs: { 1: 5, 32: 50 } },
  onboarding: { targetsMs: { 1: 5, 32: 30 }, pgliteTargetsMs: { 1: 5, 32: 80 } },
  context: { targetsMs: { 1: 10, 32: 100 } },
  'save step': { targetsMs: { 1: 20, 32: 200 } },
};

/** One way of doing the operations, for one user each time. */
export type Layer = Record<Operation, (user: SeededUser) => Promise<unknown>>;

const step = { step: 'goal', answer: 'to practise for the interview' } as const;

/** The verbs themselves. */
export function serviceLayer(services: Omit<Context, 'actor'>): Layer {
  const as = ({ userId }: SeededUser): Context => {
    const actor: UserActor = { kind: 'user', tenantId: defaultTenant.id, userId, roles: ['student'] };
    return { ...services, actor };
  };
  return {
    profile: (user) => getProfile(as(user)),
    onboarding: (user) => getOnboarding(as(user)),
    context: (user) => getContext(as(user), { sessionId: user.sessionId }),
    'save step': (user) => saveOnboardingStep(as(user), step),
  };
}

/** The same over HTTP, on connections that are kept until they are `end`ed. @param tokenOf An access token of the user. */
export function httpLayer(port: number, tokenOf: (userId: string) => string): Layer & { end(): void } {
  const idle: LoadConnection[] = [];
  const send = async (method: string, path: string, userId: string, body?: string) => {
    let connection = idle.pop();
    while (connection?.isFresh === false) {
      connection.end();
      connection = idle.pop();
    }
    connection ??= new LoadConnection(port);
    await connection.ask(requestBytes({ method, port, path: `/api/v1${path}`, token: tokenOf(userId), body }), 200);
    idle.push(connection);
  };
  return {
    end: () => {
      for (const connection of idle) connection.end();
    },
    profile: ({ userId }) => send('GET', '/profiles/me', userId),
    onboarding: ({ userId }) => send('GET', '/onboarding', userId),
    context: ({ userId, sessionId }) => send('GET', `/context?sessionId=${sessionId}`, userId),
    'save step': ({ userId }) =>
      send('PUT', `/onboarding/steps/${step.step}`, userId, JSON.stringify({ answer: step.answer })),
  };
}

/**
 * Prepared SQL by hand under the same policies: the same role, the same settings, the same pipelining by the driver, which
 * writes each statement as it comes, fields sealed and opened, nothing else.
 */
export function rawLayer(pool: pg.Pool, cipher: FieldCipher): Layer {
  const scope = `select set_config('role', 'parley_user', true), set_config('app.tenant_id', $1, true),
    set_config('app.user_id', $2, true), set_config('app.session_id', '', true)`;
  const transaction = async <T>(userId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    const begun = [
      client.query('begin'),
      client.query({ name: 'raw-scope', text: scope, values: [defaultTenant.id, userId] }),
    ];
    const result = await work(client);
    await Promise.all([...begun, client.query('commit')]);
    client.release();
    return result;
  };
  const one = async (client: pg.PoolClient, name: string, text: string, values: unknown[]) =>
    (await client.query({ name, text, values })).rows[0];
  const open = (place: string, id: string, value: string | null) =>
    value !== null && cipher.isSealed(value) ? cipher.open(`${place}:${id}`, value) : null;
  return {
    profile: ({ userId }) =>
      transaction(userId, async (client) => {
        const row = await one(client, 'raw-profile', 'select * from profiles where user_id = $1', [userId]);
        return [open('profiles.preferred_name', userId, row.preferred_name), open('profiles.goal', userId, row.goal)];
      }),
    onboarding: ({ userId }) =>
      transaction(userId, async (client) => {
        const row = await one(client, 'raw-onboarding', 'select * from onboarding_states where user_id = $1', [userId]);
        return open('onboarding_states.answers', userId, row.answers);
      }),
    context: ({ userId, sessionId }) =>
      transaction(userId, async (client) => {
        const row = await one(client, 'raw-context', rawContext, [userId, sessionId]);
        return row.turns.map((turn: { id: string; text: string }) => open('turns.text', turn.id, turn.text));
      }),
    'save step': ({ userId }) =>
      transaction(userId, async (client) => {
        const text = 'select * from onboarding_states where user_id = $1 for update';
        const row = await one(client, 'raw-locked', text, [userId]);
        const answers = {
          ...JSON.parse(open('onboarding_states.answers', userId, row.answers) ?? '{}'),
          goal: step.answer,
        };
        const sealed = cipher.seal(`onboarding_states.answers:${userId}`, JSON.stringify(answers));
        const goal = cipher.seal(`profiles.goal:${userId}`, step.answer);
        await Promise.all([
          one(client, 'raw-save', rawSave, [userId, sealed]),
          one(client, 'raw-fill', rawFill, [userId, goal]),
        ]);
      }),
  };
}

const rawContext = `select to_jsonb(p) as profile, to_jsonb(f) as preferences, to_jsonb(o) as onboarding, to_jsonb(s) as session,
    (select coalesce(jsonb_agg(to_jsonb(t) order by t.position), '[]')
     from (select * from turns where session_id = $2 order by position desc limit 20) t) as turns
  from profiles p join preferences f on f.user_id = p.user_id join onboarding_states o on o.user_id = p.user_id
  left join sessions s on s.id = $2 where p.user_id = $1`;
const rawSave = `update onboarding_states set answers = $2, skipped = '{}', current_step = 'language', completed_at = null,
    version = version + 1, updated_at = now() where user_id = $1 returning *`;
const rawFill = 'update profiles set goal = $2, version = version + 1, updated_at = now() where user_id = $1';
