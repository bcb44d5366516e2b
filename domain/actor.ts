/**
 * Who is asking. Every verb takes one; what it may do follows from its kind and never from the input.
 */
export type Actor = UserActor | AgentActor | JobActor | SystemActor;

/** A person, through a client app. */
export interface UserActor {
  kind: 'user';
  userId: string;
}

/** An agent in a call, acting for the user of exactly one session. */
export interface AgentActor {
  kind: 'agent';
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

/** The service itself: watchdogs and background work. */
export interface SystemActor {
  kind: 'system';
  name: string;
}
