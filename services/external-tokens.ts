import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import type { ExternalIssuerConfig } from '../core/config/accounts.ts';
import { secretHash } from '../core/crypto/secrets.ts';
import { AppError } from '../core/errors.ts';
import { roles as ourRoles, type Role } from '../domain/role.ts';

/** Signatures by a private key. One by a shared secret would let a public key be passed off as that secret. */
const asymmetricAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
];

/** How far the issuer's clock may be off. */
const clockToleranceSeconds = 30;
const requestTimeoutMs = 3_000;
/** An answer of the issuer about a token is good for this long, and so many of them are kept. */
const rememberedMs = 60_000;
const rememberedTokens = 10_000;

/** What a token of another issuer says. */
export interface ExternalClaims {
  issuer: string;
  subject: string;
  /** Slug of the tenant the issuer's users belong to. */
  tenant: string;
  /** Those of our roles that the token names; null when the issuer says nothing about roles, and ours count. */
  roles: Role[] | null;
}

/** Reads the tokens of people who have signed in elsewhere. */
export interface ExternalTokens {
  /**
   * The claims of a valid token of one of the issuers, or null for anything else.
   * @throws AppError `unavailable` when the issuer has to be asked and can't be.
   */
  verify(token: string): Promise<ExternalClaims | null>;
}

interface Issuer extends ExternalIssuerConfig {
  keys: JWTVerifyGetKey;
}

/** Tokens of the configured issuers, checked against their public keys (RFC 7519, OpenID Connect Core 1.0 section 3.1.3.7). */
export function createExternalTokens(
  configs: readonly ExternalIssuerConfig[],
  clock: Clock,
  request: typeof fetch,
): ExternalTokens {
  const issuers = new Map(
    configs.map((config): [string, Issuer] => [config.issuer, { ...config, keys: keysOf(config, request) }]),
  );
  const remembered = new Map<string, number>();

  async function vouchedFor(issuer: Issuer, token: string): Promise<JWTPayload | null> {
    if (issuer.userInfo && decodeProtectedHeader(token).alg === 'HS256') {
      return askedAbout(token, issuer, issuer.userInfo);
    }
    const { payload } = await jwtVerify(token, issuer.keys, {
      issuer: issuer.issuer,
      audience: issuer.audience,
      algorithms: asymmetricAlgorithms,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'sub'],
      currentDate: clock(),
    });
    return payload;
  }

  /** The issuer alone has the secret the token is signed with; what it says of itself is still checked here. */
  async function askedAbout(
    token: string,
    issuer: Issuer,
    userInfo: NonNullable<Issuer['userInfo']>,
  ): Promise<JWTPayload | null> {
    const now = clock().getTime();
    const payload = decodeJwt(token);
    const isForUs = [payload.aud].flat().includes(issuer.audience);
    if (!isForUs || !payload.exp || payload.exp * 1_000 <= now - clockToleranceSeconds * 1_000) return null;
    const id = secretHash(token);
    if ((remembered.get(id) ?? 0) > now) return payload;
    const subject = await askedSubject(token, userInfo, request);
    if (subject === null || subject !== payload.sub) return null;
    if (remembered.size >= rememberedTokens) remembered.clear();
    remembered.set(id, now + rememberedMs);
    return payload;
  }

  return {
    async verify(token) {
      try {
        const issuer = issuers.get(decodeJwt(token).iss ?? '');
        if (!issuer) return null;
        const payload = await vouchedFor(issuer, token);
        const subject = payload?.sub;
        if (!payload || typeof subject !== 'string' || !subject) return null;
        const { issuer: name, tenant, roleClaim } = issuer;
        return { issuer: name, subject, tenant, roles: rolesIn(payload, roleClaim) };
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },
  };
}

/** The issuer's keys; that they can't be had is no fault of the token's. */
function keysOf({ jwksUrl }: ExternalIssuerConfig, request: typeof fetch): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { [customFetch]: request, timeoutDuration: requestTimeoutMs });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (isFaultOfToken(error)) throw error;
      throw issuerAway(error);
    }
  };
}

function isFaultOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

const userSchema = z.object({ id: z.string() });

/** https://supabase.com/docs/reference/api: the user of a token, or null for one that Supabase Auth refuses. */
async function askedSubject(
  token: string,
  { url, apiKey }: { url: string; apiKey: string },
  request: typeof fetch,
): Promise<string | null> {
  try {
    const response = await request(url, {
      headers: { apikey: apiKey, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    if (response.status === 401 || response.status === 403) return null;
    return userSchema.parse(await response.json()).id;
  } catch (error) {
    throw issuerAway(error);
  }
}

function issuerAway(cause: unknown): AppError {
  return new AppError('unavailable', 'The issuer of the token can not be asked just now: try again', { cause });
}

/** Our roles in a claim that holds one or a list; names we don't know are somebody else's business. */
function rolesIn(payload: JWTPayload, claim: string | undefined): Role[] | null {
  if (claim === undefined) return null;
  const value = claim.split('.').reduce<unknown>(memberOf, payload);
  return value === undefined ? null : ourRoles.filter((role) => [value].flat().includes(role));
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
