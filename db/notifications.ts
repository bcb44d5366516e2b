import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Pause before a lost connection is opened again. */
const reconnectMs = 1_000;

/** Hears one channel of a PostgreSQL server's notifications on a connection of its own. */
export interface Notifications {
  close(): Promise<void>;
}

/**
 * Listens on a channel (https://www.postgresql.org/docs/current/sql-listen.html), again after each loss of the connection:
 * what is said in between is not heard.
 * @param url Any login of the server; listening needs no right. Not one behind a pooler that shares sessions.
 * @param options.changed told when the connection is lost and when it is back.
 */
export function listenForNotifications(
  url: string,
  channel: string,
  options: { heard: (payload: string) => void; changed: (isListening: boolean) => void },
): Notifications {
  const closing = new AbortController();
  const loop = listenUntil(closing.signal, url, channel, options);
  return {
    close() {
      closing.abort();
      return loop;
    },
  };
}

async function listenUntil(
  closing: AbortSignal,
  url: string,
  channel: string,
  { heard, changed }: Parameters<typeof listenForNotifications>[2],
): Promise<void> {
  while (!closing.aborted) {
    const client = new pg.Client({ connectionString: url, keepAlive: true, application_name: 'parley-notifications' });
    const lost = new Promise<void>((resolve) => {
      client.on('error', () => resolve());
      client.on('end', () => resolve());
    });
    client.on('notification', ({ payload }) => heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      changed(true);
      await Promise.race([lost, aborted(closing)]);
    } catch {
      // Tried again below, as after a loss.
    }
    await client.end().catch(() => undefined);
    if (closing.aborted) return;
    changed(false);
    await sleep(reconnectMs, undefined, { signal: closing }).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
