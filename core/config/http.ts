import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { names } from './environment.ts';

const origins = names.refine((list) => list.every((origin) => origin === '*' || isOrigin(origin)), {
  error: 'needs * or origins separated by commas, for example https://app.example.org',
});

const proxies = names.transform((list, context): BlockList => {
  const trusted = new BlockList();
  for (const item of list) {
    const [address = '', bits] = item.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || prefix < 0 || prefix > most) {
      context.addIssue({ code: 'custom', message: `needs addresses or networks, for example 10.0.0.0/8, not ${item}` });
      return z.NEVER;
    }
    trusted.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return trusted;
});

/** Variables about who may call and how often. */
export const httpVariables = {
  CORS_ORIGINS: origins.default(['*']),
  TRUSTED_PROXIES: proxies.optional(),
  RATE_LIMIT_SCALE: z.coerce.number({ error: 'needs a number, 0 for no limits' }).min(0).max(1_000_000).default(1),
};

/** Who may call and how often. */
export interface HttpConfig {
  /** Origins of pages that may read answers; `*` for all. */
  corsOrigins: readonly string[];
  /** Addresses of our own proxies, whose `X-Forwarded-For` is believed. */
  trustedProxies: BlockList;
  /** What the points of every rate limit are multiplied by; 0 for no limits. */
  rateLimitScale: number;
}

/** The settings of those variables. */
export function httpOf(e: z.infer<z.ZodObject<typeof httpVariables>>): HttpConfig {
  return {
    corsOrigins: e.CORS_ORIGINS,
    trustedProxies: e.TRUSTED_PROXIES ?? new BlockList(),
    rateLimitScale: e.RATE_LIMIT_SCALE,
  };
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
