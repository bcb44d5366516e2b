import { parseArgs } from 'node:util';
import { z } from 'zod';
import { databaseVariables } from '../core/config/data.ts';
import { parseEnvironment } from '../core/config/environment.ts';
import { AppError, ConfigError, reasonOf } from '../core/errors.ts';
import { type Database, openDatabase, openEmbeddedDatabase } from '../db/client.ts';
import type { SystemActor } from '../domain/actor.ts';
import {
  type DeadLetter,
  type DeadLetterSelection,
  jobNames,
  listDeadLetters,
  purgeDeadLetters,
  retryDeadLetters,
} from '../services/dead-letters.ts';
import { requireConfirmation } from './confirm.ts';
import { placeOf, UsageError } from './db-call.ts';
import type { CommandContext } from './main.ts';

const usage = `Usage: parley jobs <command> [ID...] [options]

Looks after dead letters: jobs that were given up after their last try.

Commands:
  list         show them, oldest first
  show ID...   show these, with the ids in their payloads
  retry ID...  queue these anew, with all their tries; --all for all
  purge ID...  remove these, so that their work is never done; --all for all

Options:
  --job NAME      those of one job: ${jobNames.join(', ')}
  --all           retry, purge: without naming any
  --limit N       list: at most so many (default 100)
  --data-dir DIR  in the embedded database of that folder, while nothing else has it open
  --yes           purge: do not ask
  --json          one line of JSON for each dead letter, or with the number of those retried or purged
  --help          show this

Works on the server of DATABASE_SERVICE_URL, or on the embedded database of "parley dev" without one.
`;

const options = {
  job: { type: 'string' },
  all: { type: 'boolean' },
  limit: { type: 'string' },
  'data-dir': { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parsed>['values'];

/** Selected dead letters and what to do it with. */
interface Call {
  values: Values;
  selection: DeadLetterSelection;
  context: { database: Database; actor: SystemActor };
  streams: CommandContext;
}

const commands: Readonly<Record<string, (call: Call) => Promise<string[]>>> = { list, show, retry, purge };

/** `parley jobs`. Resolves with the exit code: 0 done, 1 not done, 2 not understood. */
export async function jobsCommand(args: string[], streams: CommandContext): Promise<number> {
  try {
    const { values, positionals } = parsed(args);
    if (values.help) {
      streams.stdout.write(usage);
      return 0;
    }
    const [name = '', ...ids] = positionals;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new UsageError(name ? `There is no command "jobs ${name}"` : 'Which command?');
    const selection = selectionOf(name, ids, values);
    const database = await openQueueOf(values, streams);
    try {
      const context = { database, actor: { kind: 'system', name: 'parley jobs' } as const };
      const lines = await command({ values, selection, context, streams });
      for (const line of lines) streams.stdout.write(`${line}\n`);
    } finally {
      await database.close();
    }
    return 0;
  } catch (error) {
    const [message, exitCode] = failureOf(error);
    streams.stderr.write(`parley jobs: ${message}\n`);
    return exitCode;
  }
}

function parsed(args: string[]) {
  return parseArgs({ args, allowPositionals: true, options });
}

/** @throws UsageError for what can't be meant, such as `purge` of nothing in particular. */
function selectionOf(command: string, ids: string[], { job, all }: Values): DeadLetterSelection {
  const name = jobNames.find((each) => each === job);
  if (job !== undefined && !name) throw new UsageError(`There is no job "${job}": it is one of ${jobNames.join(', ')}`);
  const wrong = ids.find((id) => !z.uuid().safeParse(id).success);
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is not the id of a dead letter`);
  if (all && ids.length) throw new UsageError('Ids and --all exclude each other');
  if (command === 'list' ? ids.length : !ids.length && !all) {
    throw new UsageError(
      command === 'list' ? 'list takes no ids: see show' : `${command} which? Name ids, or say --all`,
    );
  }
  return { job: name, ...(ids.length ? { ids } : {}) };
}

function openQueueOf(values: Values, { env, stderr }: CommandContext): Promise<Database> {
  const place = placeOf({ values, env });
  if (place.kind === 'folder') {
    return openEmbeddedDatabase({ dataDir: place.dataDir, onWait: (line) => stderr.write(`${line}\n`) });
  }
  const { DATABASE_SERVICE_URL: serviceUrl } = parseEnvironment(z.object(databaseVariables), env);
  return openDatabase({ serviceUrl, poolSize: 1 });
}

async function list({ values, selection, context }: Call): Promise<string[]> {
  const { limit = '100' } = values;
  if (!/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError('--limit needs a whole number from 1 to 999999');
  const letters = await listDeadLetters(context, { ...selection, limit: Number(limit) });
  if (values.json) return letters.map((letter) => JSON.stringify(letter));
  return letters.length ? letters.map(lineOf) : ['There are no dead letters.'];
}

async function show({ values, selection, context }: Call): Promise<string[]> {
  const letters = await listDeadLetters(context, { ...selection, limit: 999_999 });
  const missing = selection.ids?.find((id) => !letters.some((letter) => letter.id === id));
  if (missing !== undefined) throw new AppError('not_found', `There is no dead letter ${missing}`);
  if (values.json) return letters.map((letter) => JSON.stringify(letter));
  return letters.flatMap((letter) => [
    lineOf(letter),
    ...Object.entries(letter.ids).map(([field, id]) => `  ${field}: ${id}`),
  ]);
}

async function retry({ values, selection, context }: Call): Promise<string[]> {
  const retried = await retryDeadLetters(context, selection);
  return [values.json ? JSON.stringify({ retried }) : `Queued anew: ${retried}`];
}

async function purge({ values, selection, context, streams }: Call): Promise<string[]> {
  const { ids, job } = selection;
  const which = `${ids ? ids.length : 'all'} dead letters${job ? ` of ${job}` : ''}`;
  const warning = `This removes ${which}: their work is never done.`;
  await requireConfirmation(streams, { warning, name: job ?? 'all', isGiven: values.yes === true });
  const purged = await purgeDeadLetters(context, selection);
  return [values.json ? JSON.stringify({ purged }) : `Removed: ${purged}`];
}

function lineOf({ id, job, givenUpAt, reason }: DeadLetter): string {
  return `${id}  ${givenUpAt}  ${job}  ${reason}`;
}

function failureOf(error: unknown): [message: string, exitCode: number] {
  if (error instanceof AppError || error instanceof ConfigError) return [error.message, 1];
  const isUsage =
    error instanceof UsageError || (error instanceof TypeError && reasonOf(error).startsWith('ERR_PARSE_ARGS'));
  if (isUsage) return [`${error.message.split('\n', 1)[0]} (see --help)`, 2];
  return [`It failed (${reasonOf(error)})`, 1];
}
