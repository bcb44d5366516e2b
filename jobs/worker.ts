import { systemClock } from '../core/clock.ts';
import { loadJobsConfig } from '../core/config.ts';
import { Releasers, runProgram, stopSignal } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { createRooms } from '../services/rooms.ts';
import { jobs } from './registry.ts';
import { startJobs } from './start.ts';

/** The jobs' process: starts, works until it is told to stop, lets the running jobs end, ends. */
async function main(): Promise<void> {
  const releasers = new Releasers();
  const stopped = stopSignal();
  try {
    const { livekit, databaseUrl, databasePoolSize, logLevel } = loadJobsConfig(process.env);
    const log = createLog('parley-jobs', logLevel);
    const database = await openDatabase({ url: databaseUrl, poolSize: databasePoolSize });
    releasers.add(() => database.close());
    await database.migrate();
    const services = { db: database.db, rooms: createRooms(livekit), clock: systemClock, log };
    const running = await startJobs({ registry: jobs, services, databaseUrl });
    releasers.add(() => running.close());
    log.info({ jobs: Object.keys(jobs) }, 'the jobs run');
    log.info({ signal: await stopped }, 'the jobs stop');
  } finally {
    await releasers.releaseAll();
  }
}

await runProgram(main);
