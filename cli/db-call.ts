import { existsSync } from 'node:fs';
import { assetPath } from '../core/assets.ts';
import type { Environment } from '../core/config/environment.ts';
import { AppError } from '../core/errors.ts';
import type { CommandContext } from './main.ts';

/** Every option of the commands, as `parseArgs` takes them, with a line for the help. */
export const dbOptions = {
  'data-dir': {
    type: 'string',
    usage: '--data-dir DIR',
    help: 'the embedded database in that folder (default .parley/data where no server is set)',
  },
  steps: { type: 'string', usage: '--steps N', help: 'how many steps to undo (default 1)' },
  name: { type: 'string', usage: '--name NAME', help: 'what the step is about, as in 0002_NAME.sql' },
  users: { type: 'string', usage: '--users N', help: 'how many users of each role (default 1)' },
  force: { type: 'boolean', usage: '--force', help: 'also into a database that has users of its own' },
  'batch-size': { type: 'string', usage: '--batch-size N', help: 'rows of one transaction (default 200)' },
  email: { type: 'string', usage: '--email ADDRESS', help: 'the user with that address, in place of an id' },
  tenant: {
    type: 'string',
    usage: '--tenant SLUG',
    help: 'whose user has that address (default: the default tenant)',
  },
  out: {
    type: 'string',
    usage: '--out FILE',
    help: 'write it to a new file that only you can read, not to standard output',
  },
  yes: { type: 'boolean', usage: '--yes', help: 'do not ask' },
  json: { type: 'boolean', usage: '--json', help: 'say what was done as one line of JSON' },
  help: { type: 'boolean', usage: '--help', help: 'show this' },
} as const;

/** Name of an option. */
export type DbOption = keyof typeof dbOptions;

/** What was given on the command line. */
export type DbValues = { [Name in DbOption]?: (typeof dbOptions)[Name]['type'] extends 'boolean' ? boolean : string };

/** A command that was understood. */
export interface DbCall {
  values: DbValues;
  /** What was given without an option. */
  operands: string[];
  env: Environment;
  streams: Pick<CommandContext, 'stdin' | 'stdout' | 'stderr'>;
  /** Tells a person how long work goes. */
  progress(line: string): void;
}

/** What a command did: for programs, and for people. */
export interface DbOutcome {
  /** Null when standard output has had it already. */
  result: object | null;
  lines: string[];
  /** 0 unless told. */
  exitCode?: number;
}

/** A command line that can't be understood; its message says why. */
export class UsageError extends Error {}

/** Where a command works: on a PostgreSQL server, or in a data folder. */
export type DbPlace = { kind: 'server' } | { kind: 'folder'; dataDir: string };

const serverVariables = ['DATABASE_OWNER_URL', 'DATABASE_URL', 'DATABASE_SERVICE_URL'];

/**
 * The data folder that is named, else the server of the environment, else the data folder of `parley dev`.
 * @throws AppError `not_found` for a folder that isn't there, unless `mayBeNew`.
 */
export function placeOf(
  { values, env }: { values: Pick<DbValues, 'data-dir'>; env: Environment },
  { mayBeNew = false } = {},
): DbPlace {
  const named = values['data-dir'];
  if (named === undefined && serverVariables.some((name) => env[name])) return { kind: 'server' };
  const dataDir = named ?? assetPath('.parley', 'data');
  if (!mayBeNew && !existsSync(dataDir)) {
    throw new AppError('not_found', `There is no data folder ${dataDir}: "parley db migrate" makes it`);
  }
  return { kind: 'folder', dataDir };
}

/** A whole number of the command line. @throws UsageError for anything else. */
export function wholeNumber({ values }: DbCall, name: 'steps' | 'users' | 'batch-size', byDefault: number): number {
  const text = values[name];
  if (text === undefined) return byDefault;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`--${name} needs a whole number from 1 to 999999`);
  return Number(text);
}
