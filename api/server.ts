import { loadApiConfig } from '../core/config/api.ts';
import { Releasers, runProgram, stopSignal } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { createFileTranscription } from '../providers/stt/files.ts';
import { openSharedCache } from '../services/open-cache.ts';
import { openSharedPairingBus } from '../services/pairing-bus.ts';
import { startApi } from './start.ts';

/** The API's process: starts, serves until it is told to stop, drains, ends. */
async function main(): Promise<void> {
  const releasers = new Releasers();
  const stopped = stopSignal();
  try {
    const config = loadApiConfig(process.env);
    const log = createLog('parley-api', config.logLevel);
    const database = await openDatabase(config.database);
    releasers.add(() => database.close());
    const { cache, redis, close } = openSharedCache(config.redisUrl, log);
    releasers.add(close);
    const { redisUrl, database: logins } = config;
    const pairingBus = openSharedPairingBus({ redis, redisUrl, databaseUrl: logins.serviceUrl }, log);
    releasers.add(() => pairingBus.close());
    const transcription = createFileTranscription(config.transcription, log);
    const api = await startApi({ settings: config, database, cache, pairingBus, redis, transcription, log });
    releasers.add(() => api.close());
    log.info({ port: api.port }, 'the API listens');
    log.info({ signal: await stopped }, 'the API drains');
  } finally {
    await releasers.releaseAll();
  }
}

await runProgram(main);
