import { parseArgs } from 'node:util';
import { AppError, ConfigError, reasonOf } from '../core/errors.ts';
import { errorCodeOf } from '../db/errors.ts';
import { type DbCall, type DbOption, type DbOutcome, dbOptions, UsageError } from './db-call.ts';
import { erase, exportData, rotate, seed } from './db-data.ts';
import { generate, migrate, reset, rollback, status } from './db-schema.ts';
import type { CommandContext } from './main.ts';

interface DbCommand {
  summary: string;
  /** What stands behind the name on the command line. */
  operand?: string;
  options: readonly DbOption[];
  run(call: DbCall): Promise<DbOutcome>;
}

const everywhere = ['data-dir', 'json', 'help'] as const;
const ofUser = { operand: '[USER-ID]', options: ['email', 'tenant'] } as const;

const dbCommands: Readonly<Record<string, DbCommand>> = {
  migrate: { summary: 'Bring tables, logins and job queue up to date', options: everywhere, run: migrate },
  status: { summary: 'Show which steps of the schema the database has', options: everywhere, run: status },
  rollback: { summary: 'Undo the newest steps of the schema', options: ['steps', 'yes', ...everywhere], run: rollback },
  generate: {
    summary: 'Write the next step from the source of the schema',
    options: ['name', 'json', 'help'],
    run: generate,
  },
  seed: { summary: 'Make example users of every role', options: ['users', 'force', ...everywhere], run: seed },
  reset: { summary: 'Remove everything and begin anew', options: ['yes', ...everywhere], run: reset },
  'rotate-keys': {
    summary: 'Seal everything with the newest key',
    options: ['batch-size', ...everywhere],
    run: rotate,
  },
  'erase-user': {
    ...ofUser,
    summary: 'Delete everything there is about a user',
    options: [...ofUser.options, 'yes', ...everywhere],
    run: erase,
  },
  'export-user': {
    ...ofUser,
    summary: 'Write everything there is about a user as JSON',
    options: [...ofUser.options, 'out', ...everywhere],
    run: exportData,
  },
};

/** Progress is told no more often than this. */
const progressIntervalMs = 1_000;

/** `parley db`. Resolves with the exit code: 0 done, 1 not done or not complete, 2 not understood. */
export async function dbCommand(args: string[], { env, ...streams }: CommandContext): Promise<number> {
  const [name = '', ...rest] = args;
  if (name === '--help' || name === '-h') {
    streams.stdout.write(help());
    return 0;
  }
  const command = Object.hasOwn(dbCommands, name) ? dbCommands[name] : undefined;
  if (!command) {
    streams.stderr.write(`${name ? `There is no command "db ${name}".` : 'Which command?'}\n\n${help()}`);
    return 2;
  }
  try {
    const { values, positionals: operands } = parseArgs({
      args: rest,
      allowPositionals: command.operand !== undefined,
      options: Object.fromEntries(command.options.map((option) => [option, { type: dbOptions[option].type }])),
    });
    if (values.help) {
      streams.stdout.write(helpOf(name, command));
      return 0;
    }
    const outcome = await command.run({ values, operands, env, streams, progress: paced(streams.stderr) });
    const lines = values.json && outcome.result ? [JSON.stringify(outcome.result)] : outcome.lines;
    for (const line of lines) streams.stdout.write(`${line}\n`);
    return outcome.exitCode ?? 0;
  } catch (error) {
    const [message, code] = failureOf(error);
    streams.stderr.write(`parley db ${name}: ${message}\n`);
    return code;
  }
}

function failureOf(error: unknown): [message: string, exitCode: number] {
  if (error instanceof AppError || error instanceof ConfigError) return [error.message, 1];
  const code = errorCodeOf(error);
  const isUsage = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS');
  if (isUsage && error instanceof Error) return [`${error.message.split('\n', 1)[0]} (see --help)`, 2];
  if (code === '42501') {
    const needs = 'it has to own the database and its tables, and be allowed to make roles (CREATEROLE)';
    return [`The login of DATABASE_OWNER_URL lacks a right (42501): ${needs}`, 1];
  }
  return [`It failed (${code ?? reasonOf(error)})`, 1];
}

function paced(stderr: CommandContext['stderr']): (line: string) => void {
  let last = 0;
  return (line) => {
    if (Date.now() - last < progressIntervalMs) return;
    last = Date.now();
    stderr.write(`${line}\n`);
  };
}

function help(): string {
  const width = Math.max(...Object.keys(dbCommands).map((name) => name.length));
  return [
    'Usage: parley db <command> [options]',
    '',
    'Commands:',
    ...Object.entries(dbCommands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Works on the server of DATABASE_OWNER_URL, DATABASE_URL and DATABASE_SERVICE_URL, or on an embedded database.',
    '`parley db <command> --help` shows the options of a command.',
    '',
  ].join('\n');
}

function helpOf(name: string, { summary, operand, options }: DbCommand): string {
  const rows = options.map((option) => dbOptions[option]);
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  return [
    `Usage: parley db ${name}${operand ? ` ${operand}` : ''} [options]`,
    '',
    `${summary}.`,
    '',
    ...rows.map(({ usage, help }) => `  ${usage.padEnd(width)}  ${help}`),
    '',
  ].join('\n');
}
