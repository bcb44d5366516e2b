import { z } from 'zod';
import { tenantSlugSchema } from './tenant.ts';

/** An address as it is looked up by. Mail servers tell no two people apart by the case of their addresses. */
export function normalEmail(address: string): string {
  return address.toLowerCase();
}

const email = z.email().max(254).describe('Upper and lower case are the same.');
const tenant = tenantSlugSchema.optional().describe('Whose installation it is; the default one when left out.');
const bearerSecret = z.string().regex(/^[\w-]{43}$/, 'is not a secret of ours');

/** Asks for a link by e-mail. */
export const magicLinkRequestSchema = z.strictObject({ email, tenant }).meta({ id: 'MagicLinkRequest' });

export type MagicLinkRequest = z.infer<typeof magicLinkRequestSchema>;

/** What a page sends that was opened by a link: the secret in its fragment. */
export const magicLinkRedemptionSchema = z.strictObject({ secret: bearerSecret }).meta({ id: 'MagicLinkRedemption' });

/** A new password. Its length is all that is asked of it (NIST SP 800-63B, section 5.1.1.2). */
export const newPasswordSchema = z
  .strictObject({
    password: z.string().min(8, 'needs at least 8 characters').max(256, 'is longer than 256 characters'),
  })
  .meta({ id: 'NewPassword' });

/** Signs in with a password. */
export const passwordSignInSchema = z
  .strictObject({ email, password: z.string().min(1).max(256), tenant })
  .meta({ id: 'PasswordSignIn' });

export type PasswordSignIn = z.infer<typeof passwordSignInSchema>;

/** Trades a refresh token for the next one. */
export const refreshSchema = z.strictObject({ refreshToken: bearerSecret }).meta({ id: 'Refresh' });

/** Ends one sign-in, or all of the user's when no token is named. */
export const signOutSchema = z.strictObject({ refreshToken: bearerSecret.optional() }).meta({ id: 'SignOut' });

export type SignOut = z.infer<typeof signOutSchema>;

/** What somebody who has signed in is given. */
export const signInSchema = z
  .object({
    userId: z.uuid(),
    accessToken: z.string().describe('For `Authorization: Bearer`.'),
    accessTokenExpiresAt: z.iso.datetime(),
    refreshToken: z
      .string()
      .describe('Good once, for the next two tokens. It is a secret: keep it where scripts of others don’t reach.'),
    refreshTokenExpiresAt: z.iso.datetime(),
  })
  .meta({ id: 'SignIn' });

export type SignIn = z.infer<typeof signInSchema>;

/** An app's own name for one of its users, as its server sends it with an API key. */
export const appUserSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'needs 1 to 128 printable ASCII characters without blanks');
