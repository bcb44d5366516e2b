import type { Actor } from '../domain/actor.ts';

/** What middleware leaves for the routes behind it. */
export interface ApiEnvironment {
  Variables: {
    requestId: string;
    actor: Actor;
  };
}
