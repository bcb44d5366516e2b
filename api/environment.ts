import type { IncomingMessage } from 'node:http';
import type { Actor } from '../domain/actor.ts';

/** What middleware leaves for the routes behind it. */
export interface ApiEnvironment {
  Bindings: {
    /** The request as Node received it; absent for one that is asked in process. */
    incoming?: IncomingMessage;
  };
  Variables: {
    requestId: string;
    actor: Actor;
  };
}
