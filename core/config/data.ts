import { z } from 'zod';
import { type EncryptionKeys, parseEncryptionKeys } from '../crypto/encryption-keys.ts';
import { integer, url } from './environment.ts';

/** Address of a PostgreSQL database: `postgres://login:password@host/database`. */
export const databaseUrl = url('postgres', 'postgresql');

/** Variables that name the database of a process and its connections. */
export const databaseVariables = {
  DATABASE_SERVICE_URL: databaseUrl,
  DATABASE_POOL_SIZE: integer(1, 100).default(10),
};

/** The login of verbs that act for one person. */
export const userDatabaseVariables = {
  DATABASE_URL: databaseUrl,
};

const encryptionKeys = z.string().transform((text, context): EncryptionKeys => {
  try {
    return parseEncryptionKeys(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is not usable' });
    return z.NEVER;
  }
});

/** Variables that hold the keys of data at rest; either will do. */
export const encryptionVariables = {
  ENCRYPTION_KEYS: encryptionKeys,
  ENCRYPTION_KEY: z.string().optional(),
};

/** Lets `ENCRYPTION_KEY`, one key, stand in for `ENCRYPTION_KEYS`. */
export function withEncryptionKeys<T extends Record<string, string | undefined>>(env: T): T {
  return { ...env, ENCRYPTION_KEYS: env.ENCRYPTION_KEYS?.trim() || env.ENCRYPTION_KEY };
}
