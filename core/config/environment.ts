import { z } from 'zod';
import { ConfigError } from '../errors.ts';

/** Environment as an entry file hands it over; nothing below an entry file reads `process.env`. */
export type Environment = Record<string, string | undefined>;

/** Text that is not blank. */
export const text = z.string().trim().min(1);
/** A secret that can't be guessed. */
export const secret = z.string().min(32, 'needs at least 32 characters, for example from `openssl rand -hex 32`');
/** A whole number in bounds. */
export const integer = (low: number, high: number) =>
  z.coerce
    .number({ error: `needs a whole number from ${low} to ${high}` })
    .int()
    .min(low)
    .max(high);
/** A number in bounds. */
export const number = (low: number, high: number) =>
  z.coerce
    .number({ error: `needs a number from ${low} to ${high}` })
    .min(low)
    .max(high);
/** A TCP port. */
export const port = integer(1, 65_535);
/** Names separated by commas. */
export const names = text.transform((value) =>
  value
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean),
);
/** A URL of one of these protocols. */
export const url = (...protocols: string[]) =>
  text.refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)), {
    error: `needs a URL that begins with ${protocols.map((p) => `${p}://`).join(' or ')}`,
  });
/** How much is logged. */
export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info');

/**
 * Reads what a schema asks of an environment. A variable that is set to nothing counts as not set.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function parseEnvironment<T extends z.ZodObject>(schema: T, env: Environment): z.infer<T> {
  // `KEY=` in a .env file means "not set" to everyone who writes one.
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const field = issue.path.join('.');
      return { field, message: field in present ? issue.message : 'is not set' };
    }),
  );
}
