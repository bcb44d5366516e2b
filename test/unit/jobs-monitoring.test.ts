import { expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { Metrics } from '../../core/metrics.ts';
import { serveMonitoring } from '../../jobs/monitoring.ts';

it('tells when the work can not be done, and shows what is known without the rest', async () => {
  let isAway = false;
  const metrics = new Metrics();
  const waiting = metrics.gauge('parley_jobs_waiting', 'Jobs in the queue.');
  const answer = async () => {
    if (isAway) throw new AppError('unavailable', 'The database is away');
  };
  const server = await serveMonitoring('127.0.0.1', 0, {
    ready: answer,
    async measure() {
      await answer();
      waiting.set({}, 7);
    },
    metrics,
  });
  onTestFinished(() => server.close());
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get('/readyz?verbose')).toEqual([200, '{"status":"ready"}']);
  expect(await get('/metrics')).toEqual([200, expect.stringContaining('parley_jobs_waiting 7\n')]);
  isAway = true;
  expect(await get('/readyz')).toEqual([503, '{"status":"not ready"}']);
  expect(await get('/healthz')).toEqual([200, '{"status":"ok"}']);
  expect(await get('/metrics')).toEqual([200, expect.stringContaining('parley_jobs_waiting 7\n')]);
  expect((await get('/nowhere'))[0]).toBe(404);
});
