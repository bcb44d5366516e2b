/**
 * The code of a driver's or the system's error (`ECONNREFUSED`, SQLSTATE `23505`, ...), looked for along its causes
 * because Drizzle wraps them. Unlike their messages, which hold SQL and its parameters, codes are safe to log and show.
 */
export function errorCodeOf(error: unknown): string | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return null;
}
