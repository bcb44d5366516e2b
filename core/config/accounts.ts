import { z } from 'zod';
import { text, url } from './environment.ts';

/** How access tokens are signed: HMAC with SHA-2 (RFC 7518, section 3.2). */
const jwtAlgorithms = ['HS256', 'HS384', 'HS512'] as const;

export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** Variables of a Supabase project whose users are ours. */
export const supabaseVariables = {
  SUPABASE_URL: url('http', 'https').optional(),
  SUPABASE_ANON_KEY: text.optional(),
  SUPABASE_SERVICE_KEY: text.optional(),
};

/** Variables about who may sign in, and how. */
export const accountVariables = {
  JWT_ALGORITHM: z.enum(jwtAlgorithms).default('HS256'),
  PUBLIC_URL: url('http', 'https').optional(),
  ...supabaseVariables,
  OIDC_ISSUER: url('http', 'https').optional(),
  OIDC_AUDIENCE: text.optional(),
  OIDC_JWKS_URL: url('http', 'https').optional(),
  OIDC_ROLE_CLAIM: text.optional(),
  OIDC_TENANT: text.default('default'),
};

const accountEnvironment = z.object(accountVariables);

type AccountEnvironment = z.infer<typeof accountEnvironment>;

/** An issuer of tokens for users who have signed in elsewhere. */
export interface ExternalIssuerConfig {
  /** `iss` of its tokens. */
  issuer: string;
  /** `aud` of those that are for us. */
  audience: string;
  /** Where its public keys are (RFC 7517). */
  jwksUrl: string;
  /** Claim with the roles, a path through objects separated by dots; absent where ours alone count. */
  roleClaim?: string;
  /** Slug of the tenant its users belong to. */
  tenant: string;
  /** Checks tokens for us that are signed with a secret only the issuer has. */
  userInfo?: { url: string; apiKey: string };
}

/** What deletes users of a Supabase project. */
export interface SupabaseAdminConfig {
  url: string;
  serviceKey: string;
}

/** Settings of accounts. */
export interface AccountsConfig {
  jwtAlgorithm: JwtAlgorithm;
  /** The app's own address, which links in mail lead to; without one there are no magic links. */
  publicUrl?: string;
  issuers: ExternalIssuerConfig[];
}

/** The settings of those variables. */
export function accountsOf(e: AccountEnvironment): AccountsConfig {
  return {
    jwtAlgorithm: e.JWT_ALGORITHM,
    publicUrl: e.PUBLIC_URL,
    issuers: [supabaseIssuer(e), oidcIssuer(e)].filter((issuer) => issuer !== null),
  };
}

/** What may delete users of the Supabase project, where the service key is set. */
export function supabaseAdminOf(
  e: Pick<AccountEnvironment, keyof typeof supabaseVariables>,
): SupabaseAdminConfig | undefined {
  return e.SUPABASE_URL && e.SUPABASE_SERVICE_KEY
    ? { url: withoutSlash(e.SUPABASE_URL), serviceKey: e.SUPABASE_SERVICE_KEY }
    : undefined;
}

/** Names the variables that others make necessary. */
export function requireCompleteAccounts(
  e: AccountEnvironment & { JWT_SECRET: string },
  context: z.core.$RefinementCtx,
): void {
  const fault = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
  // A key is at least as long as the digest (RFC 7518, section 3.2).
  const bytes = Number(e.JWT_ALGORITHM.slice(2)) / 8;
  if (Buffer.byteLength(e.JWT_SECRET) < bytes) {
    fault('JWT_SECRET', `needs at least ${bytes} characters for JWT_ALGORITHM=${e.JWT_ALGORITHM}`);
  }
  if (e.SUPABASE_URL && !e.SUPABASE_ANON_KEY) fault('SUPABASE_ANON_KEY', 'is not set, but SUPABASE_URL is');
  if (!e.OIDC_ISSUER) return;
  if (!e.OIDC_AUDIENCE) fault('OIDC_AUDIENCE', 'is not set, but OIDC_ISSUER is');
  if (!e.OIDC_JWKS_URL) fault('OIDC_JWKS_URL', 'is not set, but OIDC_ISSUER is');
}

/** https://supabase.com/docs/guides/auth/jwts: what Supabase Auth puts into its tokens, and where its keys are. */
function supabaseIssuer(e: AccountEnvironment): ExternalIssuerConfig | null {
  if (!e.SUPABASE_URL || !e.SUPABASE_ANON_KEY) return null;
  const issuer = `${withoutSlash(e.SUPABASE_URL)}/auth/v1`;
  return {
    issuer,
    audience: 'authenticated',
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    // `user_metadata` is the user's own to write, `app_metadata` is not.
    roleClaim: 'app_metadata.roles',
    tenant: e.OIDC_TENANT,
    userInfo: { url: `${issuer}/user`, apiKey: e.SUPABASE_ANON_KEY },
  };
}

function oidcIssuer(e: AccountEnvironment): ExternalIssuerConfig | null {
  if (!e.OIDC_ISSUER || !e.OIDC_AUDIENCE || !e.OIDC_JWKS_URL) return null;
  return {
    issuer: e.OIDC_ISSUER,
    audience: e.OIDC_AUDIENCE,
    jwksUrl: e.OIDC_JWKS_URL,
    roleClaim: e.OIDC_ROLE_CLAIM,
    tenant: e.OIDC_TENANT,
  };
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}
