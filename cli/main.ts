import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { assetPath } from '../core/assets.ts';
import type { Environment } from '../core/config/environment.ts';
import { entry } from '../scripts/processes.ts';

/** What the command reads and writes; `process` has this shape. */
export interface CommandContext {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  env: Environment;
}

/** A command of `parley`. */
interface Command {
  /** One line for the help. */
  summary: string;
  /** The file that understands its options, from the root and without its ending. */
  program: string;
  /** Runs it in this process and returns the exit code; without, the program is run as a child. */
  run?(args: string[], context: CommandContext): Promise<number>;
}

/** Every command by its name. */
export const commands: Readonly<Record<string, Command>> = {
  demo: {
    summary: 'Hold a whole conversation on this machine, without keys, and report what happened',
    program: 'scripts/demo',
  },
  dev: {
    summary: 'Run every part on this machine until Ctrl-C',
    program: 'scripts/local',
  },
  db: {
    summary: 'Look after the database: tables, keys, the data of a user',
    program: 'cli/db',
    run: async (args, { stdin, stdout, stderr, env }) => {
      const [{ dbCommand }, { withEnvFile }] = await Promise.all([import('./db.ts'), import('./env-file.ts')]);
      return dbCommand(args, { stdin, stdout, stderr, env: withEnvFile(env) });
    },
  },
  config: {
    summary: 'Check the settings of the processes, and what they connect to',
    program: 'cli/config',
    run: async (args, { stdin, stdout, stderr, env }) => {
      const [{ configCommand }, { withEnvFile }] = await Promise.all([import('./config.ts'), import('./env-file.ts')]);
      return configCommand(args, { stdin, stdout, stderr, env: withEnvFile(env) });
    },
  },
  jobs: {
    summary: 'Look after background jobs that were given up',
    program: 'cli/jobs',
    run: async (args, { stdin, stdout, stderr, env }) => {
      const [{ jobsCommand }, { withEnvFile }] = await Promise.all([import('./jobs.ts'), import('./env-file.ts')]);
      return jobsCommand(args, { stdin, stdout, stderr, env: withEnvFile(env) });
    },
  },
  normalize: {
    summary: 'Write lines of standard input the way the domain writes them',
    program: 'cli/normalize',
    run: async (args, { stdin, stdout, stderr }) => {
      const { normalizeCommand } = await import('./normalize.ts');
      return normalizeCommand(args, { input: stdin, output: stdout, error: stderr });
    },
  },
};

/**
 * The `parley` command.
 * @param args What follows the command's name on the command line.
 * @returns The exit code: 0 done, 2 not understood, anything else from the command itself.
 */
export async function main(args: string[], context: CommandContext): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') {
    context.stdout.write(help());
    return 0;
  }
  if (name === '--version') {
    context.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command?.run) return command.run(rest, context);
  if (command) return runProgram(command.program, rest, context);
  const reason = name === undefined ? 'Which command?' : `There is no command "${name}".`;
  context.stderr.write(`${reason}\n\n${help()}`);
  return 2;
}

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  return [
    'Usage: parley <command> [options]',
    '',
    'Commands:',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Options:',
    '  --help     Show this; after a command, its options',
    '  --version  Show the version',
    '',
  ].join('\n');
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(assetPath('package.json'), 'utf8'));
  return manifest.version;
}

/** Runs one of the project's programs in this terminal. It ends with this process: see `exitWithParent`. */
async function runProgram(path: string, args: string[], { env }: CommandContext): Promise<number> {
  const program = entry(path);
  const child = spawn(program.command, [...program.args, ...args], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A Ctrl-C reaches both from the terminal; the child decides when it is done.
  const ignore = () => {};
  const forward = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', forward);
  const [code, signal]: [number | null, NodeJS.Signals | null] = await once(child, 'exit').then(([c, s]) => [c, s]);
  process.off('SIGINT', ignore).off('SIGTERM', forward);
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
