import { EventEmitter } from 'node:events';
import { sql } from 'drizzle-orm';
import type { Redis } from 'ioredis';
import type { Log } from '../core/log.ts';
import { subscribe } from '../core/redis.ts';
import type { Transaction } from '../db/client.ts';
import { listenForNotifications } from '../db/notifications.ts';
import { afterCommit } from './after-commit.ts';

const channel = 'parley_pairings';

/**
 * Says between processes which pairing has new events; the events themselves are read from the database. A word that gets
 * lost costs time and nothing else: whoever waits for events looks for them now and then by itself.
 */
export interface PairingBus {
  /** Says so once the transaction is committed; never fails by itself. */
  announce(tx: Transaction, pairingId: string): Promise<void>;
  /** Has `heard` called for what any process announces, until the bus is closed. */
  listen(heard: (pairingId: string) => void): void;
  close(): Promise<void>;
}

/** For the process that alone has its database. */
export function createLocalPairingBus(): PairingBus {
  const emitter = new EventEmitter();
  return {
    announce: async (tx, pairingId) => afterCommit(tx, () => void emitter.emit(channel, pairingId)),
    listen: (heard) => void emitter.on(channel, heard),
    close: async () => void emitter.removeAllListeners(),
  };
}

/**
 * Over the PostgreSQL server that all processes share: a notification is part of its transaction.
 * @param url a login's, used by who listens.
 */
export function createDatabasePairingBus(url: string, log: Log): PairingBus {
  const closes: (() => Promise<void>)[] = [];
  return {
    async announce(tx, pairingId) {
      await tx.execute(sql`select pg_notify(${channel}, ${pairingId})`);
    },
    listen(heard) {
      let isListening = true;
      const changed = (now: boolean) => {
        if (now !== isListening) log.warn({ isListening: now }, 'the notifications of pairings were lost or are back');
        isListening = now;
      };
      closes.push(listenForNotifications(url, channel, { heard, changed }).close);
    },
    async close() {
      await Promise.all(closes.splice(0).map((close) => close()));
    },
  };
}

/**
 * Over the Redis that all processes share.
 * @param redis sends; it fails at once while Redis is away.
 * @param url for the connections that listen.
 */
export function createRedisPairingBus(redis: Redis, url: string): PairingBus {
  const closes: (() => void)[] = [];
  return {
    announce: async (tx, pairingId) =>
      afterCommit(tx, () => void redis.publish(channel, pairingId).catch(() => undefined)),
    listen: (heard) => void closes.push(subscribe(url, channel, heard).close),
    async close() {
      for (const close of closes.splice(0)) close();
    },
  };
}

/** The bus that all processes share: the Redis where there is one, else the PostgreSQL server. */
export function openSharedPairingBus(
  { redis, redisUrl, databaseUrl }: { redis?: Redis; redisUrl?: string; databaseUrl: string },
  log: Log,
): PairingBus {
  return redis && redisUrl !== undefined
    ? createRedisPairingBus(redis, redisUrl)
    : createDatabasePairingBus(databaseUrl, log);
}
