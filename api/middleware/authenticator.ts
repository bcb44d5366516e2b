import { decodeJwt, type JWTPayload } from 'jose';
import { TokenVerifier } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../../core/config/livekit.ts';
import { type AccessClaims, accessAudience } from '../../core/crypto/access-tokens.ts';
import { ownIssuer } from '../../core/crypto/own-tokens.ts';
import { equalSecrets } from '../../core/crypto/secrets.ts';
import { type SessionTokens, sessionAudience } from '../../core/crypto/session-tokens.ts';
import { AppError } from '../../core/errors.ts';
import { appUserSchema } from '../../domain/account.ts';
import type { Actor, JobActor } from '../../domain/actor.ts';
import { roles } from '../../domain/role.ts';
import type { AccountTools } from '../../services/accounts.ts';
import { actorOfApiKey } from '../../services/api-key-actors.ts';
import { apiKeyPrefix } from '../../services/api-key-secrets.ts';
import type { CoreServices } from '../../services/context.ts';
import { actorOfExternalToken } from '../../services/external-identities.ts';
import { developmentUser } from '../../services/users.ts';

/** What tokens are checked against. */
export interface AuthenticationOptions extends CoreServices {
  /** Bearer token of the development user; absent where there is none. */
  developmentToken?: string;
  sessionTokens: SessionTokens;
  accounts: Pick<AccountTools, 'accessTokens' | 'externalTokens'>;
  livekit: LiveKitConfig;
}

/** The door itself, while it finds out who is asking. */
export const doorActor = { kind: 'system', name: 'api' } as const;

/**
 * Whom a token speaks for, or null for one that is not valid; `appUser` is what came as `Parley-User`. It answers at once for
 * a token that it checked before, as most are: a promise costs a short request more than looking the token up.
 */
export type Authenticator = (token: string, appUser: string | undefined) => Actor | Promise<Actor | null>;

/**
 * Finds out whom a token speaks for. What it claims to be decides on the one way it is checked: the development token is its
 * user, `pk_` begins an API key (of a server, or of the user that `Parley-User` names), an access token is a person, a session
 * token an agent in a call, a LiveKit join token of kind `agent` a job that may claim its session, and a token of a configured
 * issuer a person who signed in there. Verbs decide what each may do. Calling it
 * @throws AppError `unavailable` when a token can't be checked just now, `invalid_input` for an `appUser` that is none.
 */
export function createAuthenticator(options: AuthenticationOptions): Authenticator {
  const { developmentToken, sessionTokens, accounts, livekit } = options;
  const joinTokens = new TokenVerifier(livekit.apiKey, livekit.apiSecret);
  const context = { ...options, actor: doorActor };

  /** Whom a token speaks for that was checked before and tells by itself. */
  function recalled(token: string): Actor | undefined {
    const person = accounts.accessTokens.recall(token);
    if (person) return personOf(person);
    const agent = sessionTokens.recall(token);
    return agent && { kind: 'agent', ...agent };
  }

  async function checked(token: string): Promise<Actor | null> {
    if (developmentToken !== undefined && equalSecrets(token, developmentToken)) {
      return { kind: 'user', ...developmentUser, roles: ['student', 'admin'] };
    }
    const { iss, aud } = claimsOf(token);
    if (iss === ownIssuer && aud === accessAudience) {
      const claims = await accounts.accessTokens.verify(token);
      return claims && personOf(claims);
    }
    if (iss === ownIssuer && aud === sessionAudience) {
      const claims = await sessionTokens.verify(token);
      return claims && { kind: 'agent', ...claims };
    }
    if (iss === livekit.apiKey) return jobOf(joinTokens, token);
    const external = await accounts.externalTokens.verify(token);
    return external && actorOfExternalToken(context, external);
  }

  return function actorOf(token, sentUser) {
    const appUser = appUserOf(sentUser);
    if (token.startsWith(apiKeyPrefix)) return actorOfApiKey(context, { secret: token, appUser });
    if (appUser !== undefined) throw AppError.field('Parley-User', 'goes with an API key only: leave it out');
    return recalled(token) ?? checked(token);
  };
}

function appUserOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const { data, error } = appUserSchema.safeParse(header);
  if (error) throw AppError.field('Parley-User', error.issues.map(({ message }) => message).join('; '));
  return data;
}

function personOf(claims: AccessClaims): Actor {
  return { kind: 'user', ...claims, roles: roles.filter((role) => claims.roles.includes(role)) };
}

/** What a token says of itself before anything is checked: good for choosing the check, and for nothing else. */
function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
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
