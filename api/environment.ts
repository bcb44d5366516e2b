import type { IncomingMessage } from 'node:http';
import type { Actor } from '../domain/actor.ts';
import type { Answer } from './http-server.ts';

/** What middleware leaves for the routes behind it. */
export interface ApiEnvironment {
  /** Undefined as a whole for a request that is asked in process without any. */
  Bindings: {
    /** The request as Node received it; absent for one that is asked in process. */
    incoming?: IncomingMessage;
    /** Node's answer to it; absent likewise. */
    outgoing?: Answer;
  };
  Variables: {
    requestId: string;
    actor: Actor;
  };
}
