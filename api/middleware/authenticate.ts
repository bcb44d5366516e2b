import { createMiddleware } from 'hono/factory';
import { TokenVerifier } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../../core/config/livekit.ts';
import { equalSecrets } from '../../core/crypto/secrets.ts';
import type { SessionTokens } from '../../core/crypto/session-tokens.ts';
import { AppError } from '../../core/errors.ts';
import type { Actor, JobActor } from '../../domain/actor.ts';
import { developmentUser } from '../../services/users.ts';
import type { ApiEnvironment } from '../environment.ts';

/** What tokens are checked against. */
export interface AuthenticationOptions {
  /** Bearer token of the development user; absent where there is none. */
  developmentToken?: string;
  sessionTokens: SessionTokens;
  livekit: LiveKitConfig;
}

/**
 * Finds out who is asking from `Authorization: Bearer` (RFC 6750): the development token is its user, a session token an
 * agent in a call, a LiveKit join token of kind `agent` a job that may claim its session. Verbs decide what each may do.
 * @throws AppError `unauthenticated` for everything else.
 */
export function authenticate({ developmentToken, sessionTokens, livekit }: AuthenticationOptions) {
  const joinTokens = new TokenVerifier(livekit.apiKey, livekit.apiSecret);

  async function actorOf(token: string): Promise<Actor> {
    if (developmentToken !== undefined && equalSecrets(token, developmentToken)) {
      return { kind: 'user', ...developmentUser, roles: ['student', 'admin'] };
    }
    const session = await sessionTokens.verify(token);
    if (session) return { kind: 'agent', ...session };
    const job = await jobOf(joinTokens, token);
    if (job) return job;
    throw new AppError('unauthenticated', 'The token is not valid or has expired: get a new one');
  }

  return createMiddleware<ApiEnvironment>(async function authenticate(c, next) {
    const token = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (!token) throw new AppError('unauthenticated', 'Send a token in the header "Authorization: Bearer <token>"');
    c.set('actor', await actorOf(token));
    await next();
  });
}

/** LiveKit signs a job's join token with the API secret, for one room; a token we issue to a user has no kind. */
async function jobOf(joinTokens: TokenVerifier, token: string): Promise<JobActor | null> {
  try {
    const { kind, sub, video } = await joinTokens.verify(token);
    if (kind !== 'agent' || !sub || !video?.roomJoin || !video.room) return null;
    return { kind: 'job', roomName: video.room, jobIdentity: sub };
  } catch {
    return null;
  }
}
