import { z } from 'zod';
import type { EncryptionKeys } from '../crypto/encryption-keys.ts';
import { type SupabaseAdminConfig, supabaseAdminOf, supabaseVariables } from './accounts.ts';
import { cacheVariables } from './cache.ts';
import {
  databaseUrl,
  databaseVariables,
  encryptionVariables,
  userDatabaseVariables,
  withEncryptionKeys,
} from './data.ts';
import { type Environment, parseEnvironment } from './environment.ts';

/** The login that owns the tables. No program but `parley db` has it. */
export const ownerVariables = {
  DATABASE_OWNER_URL: databaseUrl,
};

const ownerEnvironment = z.object(ownerVariables);

const loginsEnvironment = z
  .object({
    ...ownerVariables,
    ...userDatabaseVariables,
    DATABASE_SERVICE_URL: databaseVariables.DATABASE_SERVICE_URL,
  })
  .superRefine((e, context) => {
    const owner = loginOf(e.DATABASE_OWNER_URL);
    for (const setting of ['DATABASE_URL', 'DATABASE_SERVICE_URL'] as const) {
      const login = loginOf(e[setting]);
      const fault = !login
        ? 'needs the name of a login: postgres://login:password@host/database'
        : login === owner && "needs a login other than the owner's, whom row-level security would not hold back";
      if (fault) context.addIssue({ code: 'custom', path: [setting], message: fault });
    }
    if (loginOf(e.DATABASE_URL) === loginOf(e.DATABASE_SERVICE_URL)) {
      const message = 'needs a login other than the one of DATABASE_URL: each has one role';
      context.addIssue({ code: 'custom', path: ['DATABASE_SERVICE_URL'], message });
    }
  });

/** The three ways into a PostgreSQL database. */
export interface LoginsConfig {
  ownerUrl: string;
  url: string;
  serviceUrl: string;
}

/** The owner's address alone. @throws ConfigError when it is missing or wrong. */
export function loadOwnerUrl(env: Environment): string {
  return parseEnvironment(ownerEnvironment, env).DATABASE_OWNER_URL;
}

/**
 * The addresses of the owner and of the two logins it makes.
 * @throws ConfigError naming every missing or wrong variable, and logins that are not three.
 */
export function loadLogins(env: Environment): LoginsConfig {
  const e = parseEnvironment(loginsEnvironment, env);
  return { ownerUrl: e.DATABASE_OWNER_URL, url: e.DATABASE_URL, serviceUrl: e.DATABASE_SERVICE_URL };
}

const upkeepEnvironment = z.object({
  DATABASE_SERVICE_URL: databaseVariables.DATABASE_SERVICE_URL,
  ...encryptionVariables,
  ...cacheVariables,
  ...supabaseVariables,
});

/** What it takes to work on data outside of the programs: to rotate keys, erase, export. */
export interface UpkeepConfig {
  serviceUrl: string;
  encryptionKeys: EncryptionKeys;
  redisUrl?: string;
  /** What deletes users of a Supabase project; absent where we may not. */
  supabase?: SupabaseAdminConfig;
}

/** Reads those settings. @throws ConfigError naming every missing or wrong variable. */
export function loadUpkeepConfig(env: Environment): UpkeepConfig {
  const e = parseEnvironment(upkeepEnvironment, withEncryptionKeys(env));
  return {
    serviceUrl: e.DATABASE_SERVICE_URL,
    encryptionKeys: e.ENCRYPTION_KEYS,
    redisUrl: e.REDIS_URL,
    supabase: supabaseAdminOf(e),
  };
}

function loginOf(address: string): string {
  return new URL(address).username;
}
