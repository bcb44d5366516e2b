import type { Scope } from './api-key.ts';
import type { Role } from './role.ts';

/**
 * Who is asking. Every verb takes one; what it may do follows from its kind, its roles and scopes, and never from the input.
 */
export type Actor = UserActor | ServerActor | AgentActor | JobActor | SystemActor;

/** A person, through a client app, or through their app's server with an API key. */
export interface UserActor {
  kind: 'user';
  tenantId: string;
  userId: string;
  roles: readonly Role[];
  /** What the API key allows that speaks for the user; absent when they signed in themselves. */
  scopes?: readonly Scope[];
}

/** An app's server with an API key, speaking for nobody but itself. */
export interface ServerActor {
  kind: 'server';
  tenantId: string;
  apiKeyId: string;
  scopes: readonly Scope[];
}

/** An agent in a call, acting for the user of exactly one session. */
export interface AgentActor {
  kind: 'agent';
  tenantId: string;
  userId: string;
  sessionId: string;
  /** Identity of the job in its room; a later job of the same session has another one. */
  jobIdentity: string;
}

/** A job that has proved by its LiveKit join token which room it was dispatched to, and nothing more yet. */
export interface JobActor {
  kind: 'job';
  roomName: string;
  jobIdentity: string;
}

/** The service itself: watchdogs, background work, and the doors while they find out who is asking. */
export interface SystemActor {
  kind: 'system';
  name: string;
  /** The one tenant it works in; absent for all of them. */
  tenantId?: string;
}
