import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { lifetimes } from '../core/limits.ts';
import {
  magicLinkRedemptionSchema,
  magicLinkRequestSchema,
  newPasswordSchema,
  passwordSignInSchema,
  refreshSchema,
  signInSchema,
  signOutSchema,
} from '../domain/account.ts';
import type { AccountTools } from '../services/accounts.ts';
import type { CoreServices } from '../services/context.ts';
import { redeemMagicLink, requestMagicLink } from '../services/magic-links.ts';
import { setPassword, signInWithPassword } from '../services/passwords.ts';
import { refreshSignIn, signOut } from '../services/refresh-tokens.ts';
import type { ApiEnvironment } from './environment.ts';
import { doorActor } from './middleware/authenticator.ts';
import { problemResponses } from './problem.ts';

/** What the routes of accounts work with. */
export type AccountServices = CoreServices & { accounts: AccountTools };

const bodyOf = <T extends z.ZodType>(schema: T) => ({ required: true, content: { 'application/json': { schema } } });

const signedIn = {
  200: { description: 'The tokens of the user.', content: { 'application/json': { schema: signInSchema } } },
  ...problemResponses,
};

const requestLink = createRoute({
  method: 'post',
  path: '/auth/magic-links',
  description:
    'Sends a link that signs the owner of an address in. The answer is the same whether anybody has that address.',
  security: [],
  request: { body: bodyOf(magicLinkRequestSchema) },
  responses: {
    202: {
      description: 'If mail can reach the address, it will.',
      content: {
        'application/json': {
          schema: z.object({ expiresInSeconds: z.int().positive() }).meta({ id: 'MagicLinkSent' }),
        },
      },
    },
    ...problemResponses,
  },
});

const redeemLink = createRoute({
  method: 'post',
  path: '/auth/magic-links/redeem',
  description: "Trades a link's secret for tokens, once. The first link an address gets makes its user.",
  security: [],
  request: { body: bodyOf(magicLinkRedemptionSchema) },
  responses: signedIn,
});

const password = createRoute({
  method: 'post',
  path: '/auth/password',
  description: 'Signs in with a verified e-mail address and a password.',
  security: [],
  request: { body: bodyOf(passwordSignInSchema) },
  responses: signedIn,
});

const refresh = createRoute({
  method: 'post',
  path: '/auth/refresh',
  description:
    'Trades a refresh token for the next two tokens. It is good once: used again, it ends the sign-in it comes from. ' +
    'A client whose answer got lost may ask again within ten seconds.',
  security: [],
  request: { body: bodyOf(refreshSchema) },
  responses: signedIn,
});

const leave = createRoute({
  method: 'post',
  path: '/auth/sign-out',
  description:
    "Ends the sign-in of a refresh token, or all of the user's without one. Access tokens that are out end by themselves.",
  request: { body: bodyOf(signOutSchema) },
  responses: { 204: { description: 'It has ended.' }, ...problemResponses },
});

const changePassword = createRoute({
  method: 'put',
  path: '/me/password',
  description: "Sets the user's password. All sign-ins end; the answer begins a new one.",
  request: { body: bodyOf(newPasswordSchema) },
  responses: signedIn,
});

/** Routes for those who have no token yet. */
export function authRoutes(services: AccountServices) {
  const context = { ...services, actor: doorActor };
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(requestLink, async (c) => {
      await requestMagicLink(context, c.req.valid('json'));
      return c.json({ expiresInSeconds: lifetimes.magicLinkMs / 1_000 }, 202);
    })
    .openapi(redeemLink, async (c) => {
      keepOutOfCaches(c);
      return c.json(await redeemMagicLink(context, c.req.valid('json')), 200);
    })
    .openapi(password, async (c) => {
      keepOutOfCaches(c);
      return c.json(await signInWithPassword(context, c.req.valid('json')), 200);
    })
    .openapi(refresh, async (c) => {
      keepOutOfCaches(c);
      return c.json(await refreshSignIn(context, c.req.valid('json')), 200);
    });
}

/** Routes for those who have signed in. */
export function accountRoutes(services: AccountServices) {
  return new OpenAPIHono<ApiEnvironment>()
    .openapi(leave, async (c) => {
      await signOut({ ...services, actor: c.get('actor') }, c.req.valid('json'));
      return c.body(null, 204);
    })
    .openapi(changePassword, async (c) => {
      keepOutOfCaches(c);
      return c.json(await setPassword({ ...services, actor: c.get('actor') }, c.req.valid('json')), 200);
    });
}

function keepOutOfCaches(c: Context): void {
  c.header('cache-control', 'no-store');
}
