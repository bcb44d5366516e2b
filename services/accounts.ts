import type { Clock } from '../core/clock.ts';
import type { AccountsConfig } from '../core/config/accounts.ts';
import {
  type AccessTokens,
  createAccessTokens,
  createRefreshSecrets,
  type RefreshSecrets,
} from '../core/crypto/access-tokens.ts';
import { newBearerSecret, secretHash } from '../core/crypto/secrets.ts';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { refreshTokens } from '../db/schema/refresh-tokens.ts';
import type { SignIn } from '../domain/account.ts';
import { audit } from './audit.ts';
import type { CoreContext } from './context.ts';
import { createExternalTokens, type ExternalTokens } from './external-tokens.ts';
import type { Account } from './identities.ts';

/** What signing in works with. */
export interface AccountTools {
  accessTokens: AccessTokens;
  refreshSecrets: RefreshSecrets;
  externalTokens: ExternalTokens;
  /** The app's own address, which links in mail lead to. */
  publicUrl?: string;
}

/** First argument of the verbs by which people sign in and out. */
export type AccountContext = CoreContext & { accounts: AccountTools };

/** A sign-in that has been stored; its access token is signed once the transaction is over. */
export interface Grant {
  account: Account;
  refreshToken: string;
  refreshTokenExpiresAt: Date;
}

/** The tools of a process. */
export function createAccountTools(
  { jwtSecret, accounts }: { jwtSecret: string; accounts: AccountsConfig },
  clock: Clock,
  request: typeof fetch = fetch,
): AccountTools {
  return {
    accessTokens: createAccessTokens(jwtSecret, accounts.jwtAlgorithm, clock),
    refreshSecrets: createRefreshSecrets(jwtSecret),
    externalTokens: createExternalTokens(accounts.issuers, clock, request),
    publicUrl: accounts.publicUrl,
  };
}

/** Begins a family of refresh tokens for somebody who has proved who they are. Nothing a client sent goes into it. */
export async function startFamily(tx: Transaction, account: Account, now: Date): Promise<Grant> {
  const refreshToken = newBearerSecret();
  const { tenantId, userId } = account;
  const grant = await storeToken(tx, account, { familyId: newId(), refreshToken, now });
  await audit(tx, now, { tenantId, actor: { kind: 'user', id: userId }, action: 'sign-in' });
  return grant;
}

/** Stores a refresh token of a family. */
export async function storeToken(
  tx: Transaction,
  account: Account,
  { familyId, refreshToken, now }: { familyId: string; refreshToken: string; now: Date },
): Promise<Grant> {
  const { tenantId, userId } = account;
  const expiresAt = new Date(now.getTime() + lifetimes.refreshTokenMs);
  await tx.insert(refreshTokens).values({
    id: newId(),
    tenantId,
    userId,
    familyId,
    secretHash: secretHash(refreshToken),
    createdAt: now,
    expiresAt,
  });
  return { account, refreshToken, refreshTokenExpiresAt: expiresAt };
}

/** The answer to a sign-in. */
export async function signInOf(context: AccountContext, grant: Grant): Promise<SignIn> {
  const { token, expiresAt } = await context.accounts.accessTokens.sign(grant.account);
  return {
    userId: grant.account.userId,
    accessToken: token,
    accessTokenExpiresAt: expiresAt.toISOString(),
    refreshToken: grant.refreshToken,
    refreshTokenExpiresAt: grant.refreshTokenExpiresAt.toISOString(),
  };
}

/** Every refused sign-in by one way has one answer: it must not tell who has an account. */
export function signInRefused(message: string): AppError {
  return new AppError('unauthenticated', message);
}
