import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { startWatchdog, type Watchdog } from '../../api/watchdog.ts';
import { AppError } from '../../core/errors.ts';

let watchdog: Watchdog | undefined;
afterEach(() => watchdog?.stop());

/** Runs the outcomes as rounds, one each, and gives what was logged once they are used up. */
async function logOf(outcomes: (Error | null)[]): Promise<{ level: number; reason?: string; msg: string }[]> {
  const lines: string[] = [];
  const log = pino(
    new Writable({
      write(line, _encoding, done) {
        lines.push(String(line));
        done();
      },
    }),
  );
  const remaining = [...outcomes];
  await new Promise<void>((resolve) => {
    watchdog = startWatchdog({
      intervalMs: 1,
      log,
      round: async () => {
        if (!remaining.length) return resolve();
        const outcome = remaining.shift();
        if (outcome) throw outcome;
      },
    });
  });
  await watchdog?.stop();
  return lines.map((line) => JSON.parse(line));
}

it('goes on after failures and logs each streak once', async () => {
  const away = () => new AppError('unavailable', 'LiveKit is away');
  const lines = await logOf([null, away(), away(), away(), null, null, away()]);
  const fails = { level: 50, reason: 'LiveKit is away', msg: 'the dispatch watchdog fails; it goes on trying' };
  const works = { level: 30, msg: 'the dispatch watchdog works again' };
  expect(lines).toMatchObject([fails, works, fails, works]);
});

it('logs no message of an error that is not ours', async () => {
  const lines = await logOf([new TypeError('select from private where name = Ann')]);
  expect(JSON.stringify(lines)).not.toContain('Ann');
  expect(lines[0]).toMatchObject({ reason: 'TypeError' });
});

it('lets the round under way end when it is stopped, and starts no other', async () => {
  let rounds = 0;
  let finish = () => {};
  const running = new Promise<void>((resolve) => {
    watchdog = startWatchdog({
      intervalMs: 1,
      log: pino({ level: 'silent' }),
      round: () => {
        rounds += 1;
        resolve();
        return new Promise<void>((done) => {
          finish = done;
        });
      },
    });
  });
  await running;
  let stopped = false;
  const stopping = watchdog?.stop().then(() => {
    stopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  finish();
  await stopping;
  expect(rounds).toBe(1);
});

it('does not wait for its interval when it is stopped', async () => {
  let ran = () => {};
  const once = new Promise<void>((resolve) => {
    ran = resolve;
  });
  watchdog = startWatchdog({ intervalMs: 3_600_000, log: pino({ level: 'silent' }), round: async () => ran() });
  await once;
  await expect(watchdog.stop()).resolves.toBeUndefined();
});
