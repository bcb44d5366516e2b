import { systemClock } from '../core/clock.ts';
import { loadJobsConfig } from '../core/config/jobs.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
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
    const { livekit, database: login, encryptionKeys, logLevel } = loadJobsConfig(process.env);
    const log = createLog('parley-jobs', logLevel);
    const database = await openDatabase(login);
    releasers.add(() => database.close());
    const services = {
      database,
      cipher: createFieldCipher(encryptionKeys),
      rooms: createRooms(livekit),
      clock: systemClock,
      log,
    };
    const running = await startJobs({ registry: jobs, services, queue: login });
    releasers.add(() => running.close());
    log.info({ jobs: Object.keys(jobs) }, 'the jobs run');
    log.info({ signal: await stopped }, 'the jobs stop');
  } finally {
    await releasers.releaseAll();
  }
}

await runProgram(main);
