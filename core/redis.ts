import { Redis } from 'ioredis';
import { reasonOf } from './errors.ts';
import type { Log } from './log.ts';

/** What a request waits for Redis at most; the database answers sooner than a slower Redis would. */
const answerTimeoutMs = 250;
/** Pause before a lost connection is tried again. */
const reconnectMs = 1_000;

/**
 * A connection to a Redis whose loss costs speed only. Commands fail at once while there is none, and after 250 ms without
 * an answer; that also drops the connection, so that a Redis which hangs costs the requests under way, and no later ones
 * until it answers again. Nothing is sent twice. Losing it and having it back are logged once each.
 * @param url `redis://` or, with TLS, `rediss://`. Close it with `disconnect()`.
 */
export function openRedis(url: string, log: Log): Redis {
  const redis = new Redis(url, {
    commandTimeout: answerTimeoutMs,
    socketTimeout: answerTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => reconnectMs,
  });
  let isAway = false;
  redis.on('error', (error) => {
    if (!isAway) log.warn({ reason: reasonOf(error) }, 'Redis is away: going on without it');
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) log.info('Redis is back');
    isAway = false;
  });
  return redis;
}
