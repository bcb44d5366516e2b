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

/** Hears one channel of a Redis. */
export interface Subscription {
  close(): void;
}

/**
 * Listens on a channel (https://redis.io/docs/latest/develop/pubsub/) on a connection of its own, which can do nothing else,
 * and again after each loss of it: what is said in between is not heard.
 */
export function subscribe(url: string, channel: string, heard: (message: string) => void): Subscription {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => reconnectMs });
  // The connection that commands are sent on logs that Redis is away.
  redis.on('error', () => undefined);
  redis.on('message', (_channel, message) => heard(message));
  redis.subscribe(channel).catch(() => undefined);
  return { close: () => redis.disconnect() };
}
