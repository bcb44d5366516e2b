import { systemClock } from '../core/clock.ts';
import { loadJobsConfig } from '../core/config/jobs.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { AppError } from '../core/errors.ts';
import { Releasers, runProgram, stopSignal } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { openDatabase } from '../db/client.ts';
import { loadSummarizer } from '../providers/llm/load-summarizer.ts';
import { createMailer } from '../providers/mail/mailer.ts';
import { openSharedCache } from '../services/open-cache.ts';
import { openSharedPairingBus } from '../services/pairing-bus.ts';
import { createReminderSenders } from '../services/reminder-senders.ts';
import { createRooms } from '../services/rooms.ts';
import { serveMonitoring } from './monitoring.ts';
import { jobs } from './registry.ts';
import { type RunningJobs, startJobs } from './start.ts';

/** The jobs' process: starts, works until it is told to stop, lets the running jobs end, ends. */
async function main(): Promise<void> {
  const releasers = new Releasers();
  const stopped = stopSignal();
  let isStopping = false;
  try {
    const config = loadJobsConfig(process.env);
    const log = createLog('parley-jobs', config.logLevel);
    const database = await openDatabase(config.database);
    releasers.add(() => database.close());
    const { cache, redis, close: closeCache } = openSharedCache(config.redisUrl, log);
    releasers.add(closeCache);
    const { redisUrl, database: logins } = config;
    const pairingBus = openSharedPairingBus({ redis, redisUrl, databaseUrl: logins.serviceUrl }, log);
    releasers.add(() => pairingBus.close());
    const { mailer, close: closeMailer } = createMailer(config.mail);
    releasers.add(closeMailer);
    const summarizer = await loadSummarizer(config.models, log);
    const services = {
      database,
      cipher: createFieldCipher(config.encryptionKeys),
      cache,
      pairingBus,
      rooms: createRooms(config.livekit),
      mailer,
      summarizer,
      reminderSenders: createReminderSenders(config.reminders, { hasMail: config.mail !== null }),
      clock: systemClock,
      log,
    };
    const metrics = new Metrics();
    let running: RunningJobs | undefined;
    // It answers until the last job has ended.
    const monitoring = await serveMonitoring(config.host, config.port, {
      async ready() {
        if (!running || isStopping) throw new AppError('unavailable', 'The process is about to start or to stop');
        await database.ping();
      },
      measure: async () => running?.measure(),
      metrics,
    });
    releasers.add(() => monitoring.close());
    running = await startJobs({ registry: jobs, services, place: config.database, metrics });
    releasers.add(() => running?.close());
    log.info({ jobs: Object.keys(jobs), port: monitoring.port }, 'the jobs run');
    const signal = await stopped;
    isStopping = true;
    log.info({ signal }, 'the jobs stop');
  } finally {
    await releasers.releaseAll();
  }
}

await runProgram(main);
