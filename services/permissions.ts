import { AppError } from '../core/errors.ts';
import type { Actor } from '../domain/actor.ts';
import type { Scope } from '../domain/api-key.ts';
import type { Role } from '../domain/role.ts';

/** Who may use a verb. Whose rows it then reaches is row-level security's to say. */
export interface Permission {
  kinds: readonly Actor['kind'][];
  /** A user needs one of these roles; absent when any will do. */
  roles?: readonly Role[];
  /** What an API key must allow; absent where no key will do. */
  scope?: Scope;
}

const person = { kinds: ['user', 'agent'] } as const;
const system = { kinds: ['system'] } as const;
const admin = { kinds: ['user'], roles: ['admin'] } as const;

/** Every verb and who may use it. A verb checks this first; the matrix of tests is made from it. */
export const permissions = {
  'me.read': { kinds: ['user'], scope: 'profiles:read' },
  'profiles.read': { ...person, scope: 'profiles:read' },
  'profiles.write': { ...person, scope: 'profiles:write' },
  'preferences.read': { ...person, scope: 'profiles:read' },
  'preferences.write': { ...person, scope: 'profiles:write' },
  'onboarding.read': { ...person, scope: 'profiles:read' },
  'onboarding.write': { ...person, scope: 'profiles:write' },
  'context.read': { ...person, scope: 'profiles:read' },
  'facts.read': { ...person, scope: 'profiles:read' },
  'facts.propose': { kinds: ['agent'] },
  'facts.write': { ...person, scope: 'profiles:write' },
  'reminders.read': { ...person, scope: 'profiles:read' },
  'reminders.write': { ...person, scope: 'profiles:write' },
  'reminders.tell': { kinds: ['agent'] },
  'reminders.deliver': system,
  'devices.read': { kinds: ['user'], scope: 'profiles:read' },
  'devices.write': { kinds: ['user'], scope: 'profiles:write' },
  'consents.read': { ...person, scope: 'consents:read' },
  'consents.write': { kinds: ['user'], scope: 'consents:write' },
  'sessions.join': { kinds: ['user'], scope: 'rooms:join' },
  'sessions.read': { ...person, scope: 'sessions:read' },
  'sessions.write': { kinds: ['user'], scope: 'sessions:write' },
  'sessions.claim': { kinds: ['job'] },
  'sessions.hold': { kinds: ['agent'] },
  'turns.read': { ...person, scope: 'sessions:read' },
  'turns.append': { kinds: ['agent'] },
  'summaries.read': { ...person, scope: 'sessions:read' },
  'summaries.write': system,
  'notes.read': { ...person, scope: 'sessions:read' },
  'notes.write': { ...person, scope: 'sessions:write' },
  'pairings.read': { kinds: ['user'], scope: 'sessions:read' },
  'pairings.write': { kinds: ['user'], scope: 'rooms:join' },
  'pairings.watch': system,
  'pairings.expire': system,
  'lexicons.read': { ...person, scope: 'lexicons:read' },
  'lexicons.write': { kinds: ['user'], scope: 'lexicons:write' },
  'tenant-lexicons.write': { kinds: ['user'], roles: ['admin', 'operator'], scope: 'lexicons:write' },
  'transcriptions.create': { kinds: ['user'], scope: 'transcriptions:write' },
  'api-keys.read': admin,
  'api-keys.write': admin,
  'accounts.sign-in': system,
  'accounts.sign-out': { kinds: ['user'] },
  'accounts.set-password': { kinds: ['user'] },
  'users.ensure': system,
  'users.find': system,
  'users.export': system,
  'exports.read': { kinds: ['user'] },
  'exports.write': { kinds: ['user'] },
  'users.erase': system,
  'dispatches.watch': system,
  'sessions.end-abandoned': system,
  'retention.purge': system,
  'encryption.rotate': system,
  'data.seed': system,
  'mail.send': system,
  'jobs.read': system,
  'jobs.write': system,
} as const satisfies Record<string, Permission>;

/** Name of a verb. */
export type Verb = keyof typeof permissions;

type ActorOf<V extends Verb> = Extract<Actor, { kind: (typeof permissions)[V]['kinds'][number] }>;

/**
 * The actor, if it may use the verb: the first line of every verb.
 * @throws AppError `forbidden` for all others, saying what they lack.
 */
export function requirePermission<V extends Verb>(actor: Actor, verb: V): ActorOf<V> {
  const { kinds, roles, scope }: Permission = permissions[verb];
  if (!kinds.includes(actor.kind)) {
    throw refused(`This is not for a token of kind ${actor.kind}; it takes one of: ${kinds.join(', ')}`);
  }
  if ('scopes' in actor && actor.scopes && !(scope && actor.scopes.includes(scope))) {
    throw refused(scope ? `The API key lacks the scope ${scope}` : 'This is not for an API key');
  }
  if (actor.kind === 'user' && roles && !roles.some((role) => actor.roles.includes(role))) {
    throw refused(`This needs one of the roles: ${roles.join(', ')}`);
  }
  return actor as ActorOf<V>;
}

/**
 * Lets a user at every session (row-level security leaves them their own) and an agent only at its own.
 * @throws AppError `not_found` for an agent of another session, as if there were none.
 */
export function requireSession(actor: Actor, sessionId: string): void {
  if (actor.kind === 'agent' && actor.sessionId !== sessionId) throw sessionNotFound();
}

/** The one answer for a session that doesn't exist and for one that somebody else has. */
export function sessionNotFound(): AppError {
  return new AppError('not_found', 'There is no such session');
}

/** The one answer when the actor's user is not there any more. */
export function userNotFound(): AppError {
  return new AppError('not_found', 'There is no such user');
}

function refused(message: string): AppError {
  return new AppError('forbidden', message);
}
