import { type Logger, pino } from 'pino';

/** A structured logger. What people say, and who they are, never goes into it. */
export type Log = Logger;

/**
 * Makes the process logger: JSON lines on standard error, so that standard output stays free for results.
 * `pii` is cut out at any of the depths we log, in case something slips in under that name.
 */
export function createLog(name: string, level: string): Log {
  return pino(
    {
      name,
      level,
      redact: { paths: ['pii', '*.pii', 'authorization', '*.authorization', 'token', '*.token'], remove: true },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
