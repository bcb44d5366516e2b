import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { assetPath } from '../core/assets.ts';
import { type LoginsConfig, loadLogins, loadOwnerUrl } from '../core/config/owner.ts';
import { AppError } from '../core/errors.ts';
import { ensureLogin } from '../db/logins.ts';
import type { Migration } from '../db/migrations.ts';
import { type OwnedDatabase, type OwnedServer, openOwnedFolder, openOwnedServer } from '../db/owner.ts';
import { roleNames } from '../db/scope.ts';
import { prepareEmbeddedQueue, prepareQueue } from '../jobs/prepare-queue.ts';
import { jobs } from '../jobs/registry.ts';
import { requireConfirmation } from './confirm.ts';
import { type DbCall, type DbOutcome, type DbPlace, placeOf, wholeNumber } from './db-call.ts';

/** `parley db migrate`: brings tables, logins and job queue up to date; done again, it has nothing to do. */
export async function migrate(call: DbCall): Promise<DbOutcome> {
  const place = placeOf(call, { mayBeNew: true });
  // Faults of the settings are told before anything is touched.
  const logins = place.kind === 'server' ? loadLogins(call.env) : null;
  return withOwned(call, place, async (owned) => {
    const isUpgrade = (await owned.states()).some(({ isApplied }) => isApplied);
    const outcome = await setUp(owned, logins);
    if (isUpgrade && outcome.result.steps.length) {
      outcome.lines.push('Run "parley db rotate-keys" now: it seals what an older version stored in plain text.');
    }
    return outcome;
  });
}

/** `parley db status`: which steps the database has; exit code 1 when it lacks one. */
export async function status(call: DbCall): Promise<DbOutcome> {
  return withOwned(call, placeOf(call), async (owned) => {
    const states = await owned.states();
    const hasQueue = await owned.hasQueue();
    const isCurrent = hasQueue && states.every(({ isApplied }) => isApplied);
    return {
      result: { database: owned.name, isCurrent, hasQueue, steps: states },
      lines: [
        `Database  ${owned.description}`,
        ...states.map(({ tag, isApplied }) => `${isApplied ? 'applied ' : 'missing '}  ${tag}`),
        `${hasQueue ? 'set up  ' : 'missing '}  job queue`,
      ],
      exitCode: isCurrent ? 0 : 1,
    };
  });
}

/** `parley db rollback`: undoes the newest steps. */
export async function rollback(call: DbCall): Promise<DbOutcome> {
  const steps = wholeNumber(call, 'steps', 1);
  return withOwned(call, placeOf(call), async (owned) => {
    const newest = (await owned.states()).filter(({ isApplied }) => isApplied).slice(-steps);
    if (!newest.length) return { result: { steps: [] }, lines: ['There is nothing to undo.'] };
    await confirm(call, owned, `This undoes ${tagsOf(newest)} in ${owned.description}, with the data only they hold.`);
    const undone = await owned.rollback(steps);
    return { result: { steps: undone }, lines: [`Undone: ${tagsOf(undone)}`] };
  });
}

/** `parley db reset`: removes tables and queue with everything in them, and makes them anew. */
export async function reset(call: DbCall): Promise<DbOutcome> {
  const place = placeOf(call);
  const logins = place.kind === 'server' ? loadLogins(call.env) : null;
  return withOwned(call, place, async (owned) => {
    await confirm(call, owned, `This removes every user and everything else from ${owned.description}.`);
    await owned.rollback(Number.POSITIVE_INFINITY);
    await owned.dropQueue();
    const { result, lines } = await setUp(owned, logins);
    return { result, lines: [`Emptied ${owned.description}`, ...lines] };
  });
}

/** `parley db generate`: writes the next step from what has changed in `db/schema/`; for a checkout of the source. */
export async function generate({ values, streams }: DbCall): Promise<DbOutcome> {
  if (!existsSync(assetPath('node_modules', '.bin', 'drizzle-kit'))) {
    throw new AppError('conflict', 'This is for a checkout of the source, with its development packages installed');
  }
  const args = ['run', 'db:generate', '--', ...(values.name === undefined ? [] : ['--name', values.name])];
  const child = spawn('npm', args, { cwd: assetPath(), stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.pipe(streams.stderr, { end: false });
  const [code] = (await once(child, 'close')) as [number | null];
  return {
    result: { exitCode: code },
    lines:
      code === 0
        ? ['Beside a new step belongs its .down.sql, which undoes it; FORCE and grants of new tables go into the step.']
        : [],
    exitCode: code ?? 1,
  };
}

interface SetUp {
  result: { database: string; steps: Migration[]; logins: Login[]; madeQueue: boolean };
  lines: string[];
}

interface Login {
  setting: string;
  made: boolean;
}

/** Brings everything up to date that the programs expect to find. */
async function setUp(owned: OwnedDatabase, logins: LoginsConfig | null): Promise<SetUp> {
  const steps = await owned.migrate();
  const made = logins && owned.kind === 'server' ? await makeLogins(owned, logins) : [];
  const hadQueue = await owned.hasQueue();
  if (owned.kind === 'folder') await prepareEmbeddedQueue(owned.client, jobs);
  else if (logins) await prepareQueue(logins.ownerUrl, jobs);
  const result = { database: owned.name, steps, logins: made, madeQueue: !hadQueue };
  return {
    result,
    lines: [
      steps.length
        ? `Migrated ${owned.description}: ${tagsOf(steps)}`
        : `The tables of ${owned.description} are up to date.`,
      ...made.map((login) => `${login.made ? 'Made the login' : 'There is the login'} of ${login.setting}`),
      hadQueue ? 'The job queue is up to date.' : 'Set up the job queue',
    ],
  };
}

async function makeLogins({ client }: OwnedServer, { url, serviceUrl }: LoginsConfig): Promise<Login[]> {
  return [
    { setting: 'DATABASE_URL', made: await ensureLogin(client, url, roleNames.user) },
    { setting: 'DATABASE_SERVICE_URL', made: await ensureLogin(client, serviceUrl, roleNames.service) },
  ];
}

async function withOwned(
  call: DbCall,
  place: DbPlace,
  work: (owned: OwnedDatabase) => Promise<DbOutcome>,
): Promise<DbOutcome> {
  const owned =
    place.kind === 'server'
      ? await openOwnedServer(loadOwnerUrl(call.env))
      : await openOwnedFolder({ dataDir: place.dataDir, onWait: call.progress });
  try {
    return await work(owned);
  } finally {
    await owned.close();
  }
}

function confirm({ values, streams }: DbCall, { name }: OwnedDatabase, warning: string): Promise<void> {
  return requireConfirmation(streams, { warning, name, isGiven: values.yes === true });
}

function tagsOf(steps: readonly Migration[]): string {
  return steps.map(({ tag }) => tag).join(', ');
}
