import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { systemClock } from '../core/clock.ts';
import { loadUpkeepConfig } from '../core/config/owner.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { AppError } from '../core/errors.ts';
import { Releasers } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase, openEmbeddedDatabase } from '../db/client.ts';
import { keptSecrets } from '../scripts/kept-secrets.ts';
import type { CoreContext } from '../services/context.ts';
import { defaultBatchSize, rotateKeys } from '../services/encryption.ts';
import { eraseUser } from '../services/erasure.ts';
import { type DeleteExternalUser, supabaseUserDeletion } from '../services/external-identities.ts';
import { createJobQueue } from '../services/job-queue.ts';
import { openSharedCache } from '../services/open-cache.ts';
import { createLocalPairingBus } from '../services/pairing-bus.ts';
import { seedExample } from '../services/seeding.ts';
import { exportUser } from '../services/user-export.ts';
import { findUserByEmail } from '../services/user-search.ts';
import { requireConfirmation } from './confirm.ts';
import { type DbCall, type DbOutcome, type DbPlace, placeOf, UsageError, wholeNumber } from './db-call.ts';

/** `parley db seed`: users who don't exist, with sessions and turns. */
export async function seed(call: DbCall): Promise<DbOutcome> {
  const usersPerRole = wholeNumber(call, 'users', 1);
  return withData(call, placeOf(call, { mayBeNew: true }), async (context) => {
    const made = await seedExample(context, {
      usersPerRole,
      isForced: call.values.force === true,
      onProgress: (done, all) => call.progress(`${done} of ${all} users`),
    });
    const line = made.users
      ? `Made ${made.users} users of the tenant parley-example, with ${made.sessions} sessions and ${made.turns} turns`
      : 'The example data is there already.';
    return { result: made, lines: [line] };
  });
}

/** `parley db rotate-keys`: everything under the newest key; exit code 1 when something is left. */
export async function rotate(call: DbCall): Promise<DbOutcome> {
  const batchSize = wholeNumber(call, 'batch-size', defaultBatchSize);
  return withData(call, placeOf(call), async (context) => {
    const { columns, faults } = await rotateKeys(context, {
      batchSize,
      onProgress: ({ column, done, due }) => call.progress(`${column}: ${done} of ${due}`),
    });
    const left = columns.reduce((sum, column) => sum + column.left, 0);
    const touched = columns.filter((column) => column.rotated || column.left);
    return {
      result: { columns, faults },
      lines: [
        ...touched.map(
          ({ column, rotated, left: rest }) => `${column}: ${rotated} sealed anew${rest ? `, ${rest} left` : ''}`,
        ),
        ...faults,
        left ? `${left} values are left: older keys are still needed.` : 'Everything is under the newest key.',
      ],
      exitCode: left ? 1 : 0,
    };
  });
}

/** `parley db erase-user`: deletes everything there is about somebody. */
export async function erase(call: DbCall): Promise<DbOutcome> {
  const { values, streams } = call;
  return withData(call, placeOf(call), async (context) => {
    const userId = await userOf(call, context);
    const warning = `This deletes everything there is about the user ${userId}, for good.`;
    await requireConfirmation(streams, { warning, name: userId, isGiven: values.yes === true });
    const { rows, jobs, externalAccounts } = await eraseUser(context, { userId });
    const counts = { ...rows, ...(jobs ? { 'queued jobs': jobs } : {}) };
    const lines = Object.entries(counts).map(([name, count]) => `${String(count).padStart(7)}  ${name}`);
    if (externalAccounts) lines.push(`${String(externalAccounts).padStart(7)}  accounts with other issuers`);
    return {
      result: { userId, rows, jobs, externalAccounts },
      lines: lines.length ? ['Deleted:', ...lines] : [`There is nothing about the user ${userId}.`],
    };
  });
}

/** `parley db export-user`: everything there is about somebody, as JSON. */
export async function exportData(call: DbCall): Promise<DbOutcome> {
  const { out } = call.values;
  if (out !== undefined && existsSync(out)) throw new AppError('conflict', `${out} is there already: name a new file`);
  return withData(call, placeOf(call), async (context) => {
    const userId = await userOf(call, context);
    const document = Readable.from(await exportUser(context, { userId }));
    if (out === undefined) {
      await pipeline(document, call.streams.stdout, { end: false });
      return { result: null, lines: [] };
    }
    await writeWhole(document, out);
    return { result: { userId, file: out }, lines: [`Wrote ${out}`] };
  });
}

/** Under another name until it is complete: half a document must not be taken for one. */
async function writeWhole(document: Readable, path: string): Promise<void> {
  const unfinished = `${path}.part`;
  try {
    await pipeline(document, createWriteStream(unfinished, { flags: 'wx', mode: 0o600 }));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function userOf({ values, operands }: DbCall, context: CoreContext): Promise<string> {
  const { email, tenant } = values;
  const [id] = operands;
  if ((id === undefined) === (email === undefined)) throw new UsageError('Name the user, by id or with --email');
  if (email === undefined) {
    const userId = z.uuid().safeParse(id);
    if (!userId.success) throw new UsageError('A user is named by an id such as 5f0c9d3e-6a3b-4c57-9d0f-2b8f3a1c7e11');
    return userId.data;
  }
  const found = await findUserByEmail(context, { email, tenant });
  if (found === null) throw new AppError('not_found', 'There is no user with that address');
  return found;
}

type DataContext = CoreContext & { deleteExternalUser?: DeleteExternalUser };

/** Opens what verbs of the service work with. */
async function withData(
  { env, progress }: DbCall,
  place: DbPlace,
  work: (context: DataContext) => Promise<DbOutcome>,
): Promise<DbOutcome> {
  const releasers = new Releasers();
  try {
    const { database, settings } = await openData(env, place, progress);
    releasers.add(() => database.close());
    const log = createLog('parley-db', 'warn');
    const { cache, close } = openSharedCache(settings.redisUrl, log);
    releasers.add(close);
    return await work({
      database,
      cipher: createFieldCipher(settings.encryptionKeys),
      cache,
      // No pairing hears of what is done from here.
      pairingBus: createLocalPairingBus(),
      queue: createJobQueue(),
      clock: systemClock,
      log,
      actor: { kind: 'system', name: 'operator' },
      deleteExternalUser: settings.supabase && supabaseUserDeletion(settings.supabase),
    });
  } finally {
    await releasers.releaseAll();
  }
}

async function openData(env: DbCall['env'], place: DbPlace, onWait: DbCall['progress']) {
  if (place.kind === 'server') {
    const settings = loadUpkeepConfig(env);
    return { settings, database: await openDatabase({ serviceUrl: settings.serviceUrl, poolSize: 2 }) };
  }
  const database = await openEmbeddedDatabase({ dataDir: place.dataDir, onWait });
  try {
    const { ENCRYPTION_KEY } = await keptSecrets(place.dataDir);
    // A login stands for the embedded database, which has none.
    const settings = loadUpkeepConfig({ ENCRYPTION_KEY, ...env, DATABASE_SERVICE_URL: 'postgres://embedded' });
    return { settings, database };
  } catch (error) {
    await database.close();
    throw error;
  }
}
