import { AppError } from '../core/errors.ts';
import type { Actor } from '../domain/actor.ts';

/**
 * The actor, if it is of one of these kinds: the first line of every verb.
 * @throws AppError `forbidden` for all others.
 */
export function requireActor<K extends Actor['kind']>(actor: Actor, ...kinds: K[]): Extract<Actor, { kind: K }> {
  if (isOneOf(actor, kinds)) return actor;
  throw new AppError(
    'forbidden',
    `This is not for a token of kind ${actor.kind}; it takes one of: ${kinds.join(', ')}`,
  );
}

/**
 * Lets a user at every session (queries filter by its owner) and an agent only at its own.
 * @throws AppError `not_found` for an agent of another session, as if there were none.
 */
export function requireSession(actor: Actor, sessionId: string): void {
  if (actor.kind === 'agent' && actor.sessionId !== sessionId) throw sessionNotFound();
}

/** The one answer for a session that doesn't exist and for one that somebody else has. */
export function sessionNotFound(): AppError {
  return new AppError('not_found', 'There is no such session');
}

function isOneOf<K extends Actor['kind']>(actor: Actor, kinds: K[]): actor is Extract<Actor, { kind: K }> {
  return (kinds as Actor['kind'][]).includes(actor.kind);
}
