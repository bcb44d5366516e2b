import { parseArgs } from 'node:util';
import type { Environment } from '../core/config/environment.ts';
import { knownVariables, type ProcessName, processes, variablesOf } from '../core/config/processes.ts';
import { ConfigError, type FieldFault } from '../core/errors.ts';
import { type Connection, tryConnections } from './config-connections.ts';
import type { CommandContext } from './main.ts';

const usage = `Usage: parley config check [api | jobs | worker] [--json]

Reads the environment and .env as the processes do, and says what is wrong with it, all at once. Where nothing is, it shows
the settings in effect, secrets masked, and tries what the process connects to. Without a process all three are checked.

  --json  write one JSON document
  --help  show this text

Ends with 0 when all is well, with 1 when something is not.
`;

/** What was found about one process. */
interface ProcessReport {
  faults: readonly FieldFault[];
  /** Empty when there are faults. */
  settings: { name: string; value: string | null; isDefault: boolean }[];
  connections: Connection[];
}

/** A variable nobody reads, though it looks like one of ours. */
interface UnknownVariable {
  name: string;
  /** The setting that was probably meant. */
  suggestion: string | null;
}

/** `parley config`. Resolves with the exit code: 0 all is well, 1 something is not, 2 not understood. */
export async function configCommand(args: string[], { stdout, stderr, env }: CommandContext): Promise<number> {
  let command: { names: ProcessName[]; json: boolean } | null;
  try {
    command = readCommand(args);
  } catch (error) {
    stderr.write(`parley config: ${(error as Error).message} (see --help)\n`);
    return 2;
  }
  if (!command) {
    stdout.write(usage);
    return 0;
  }
  const reports = await Promise.all(command.names.map(async (name) => [name, await inspect(name, env)] as const));
  const unknown = unknownVariables(env);
  const isWell = reports.every(
    ([, { faults, connections }]) => !faults.length && connections.every(({ fault }) => fault === null),
  );
  stdout.write(
    command.json
      ? `${JSON.stringify({ ok: isWell, processes: Object.fromEntries(reports), unknown }, null, 2)}\n`
      : [...reports.flatMap(([name, report]) => linesOf(name, report)), ...unknown.map(unknownLine), ''].join('\n'),
  );
  return isWell ? 0 : 1;
}

/** What the command line asks for; null is the help. @throws Error whose message says what is wrong. */
function readCommand(args: string[]): { names: ProcessName[]; json: boolean } | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) return null;
  const [verb, name, ...rest] = positionals;
  if (verb !== 'check') throw new Error(verb === undefined ? 'which command?' : `there is no "config ${verb}"`);
  if (rest.length) throw new Error('name one process at most');
  if (name === undefined) return { names: Object.keys(processes) as ProcessName[], json: values.json };
  if (!Object.hasOwn(processes, name)) throw new Error(`there is no process "${name}"`);
  return { names: [name as ProcessName], json: values.json };
}

async function inspect(name: ProcessName, env: Environment): Promise<ProcessReport> {
  try {
    processes[name].load(env);
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults, settings: [], connections: [] };
    throw error;
  }
  const settings = Object.entries(variablesOf(name, env)).map(([variable, schema]) => {
    const given = env[variable]?.trim();
    if (given) return { name: variable, value: masked(variable, given), isDefault: false };
    const fallback = schema.safeParse(undefined).data;
    return { name: variable, value: fallback === undefined ? null : String(fallback), isDefault: true };
  });
  return { faults: [], settings, connections: await tryConnections(name, env) };
}

/** A value as it may be shown: a secret not at all, an address without what lets one in. */
function masked(name: string, value: string): string {
  if (/(?:^|_)(?:SECRET|KEYS?|TOKEN|PASSWORD|HEADERS)$/.test(name)) return '********';
  if (!/^[a-z]+:\/\//.test(value)) return value;
  const url = new URL(value);
  if (!url.password && !url.search) return value;
  if (url.password) url.password = '********';
  for (const parameter of url.searchParams.keys()) url.searchParams.set(parameter, '********');
  return url.href;
}

/** Variables that begin as ours do, or are almost called like one, and that nothing of ours reads. */
function unknownVariables(env: Environment): UnknownVariable[] {
  const prefixOf = (name: string) => name.slice(0, name.indexOf('_') + 1);
  const knownNames = knownVariables(env);
  const prefixes = new Set([...knownNames].map(prefixOf));
  return Object.keys(env)
    .filter((name) => name.includes('_') && !knownNames.has(name))
    .map((name) => ({ name, suggestion: [...knownNames].find((known) => editsBetween(name, known) <= 2) ?? null }))
    .filter(({ name, suggestion }) => suggestion !== null || prefixes.has(prefixOf(name)));
}

/** Letters to insert, delete or replace to make one word of another (Levenshtein). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}

function linesOf(name: ProcessName, { faults, settings, connections }: ProcessReport): string[] {
  const width = Math.max(...settings.map((setting) => setting.name.length));
  return [
    `${name}:`,
    ...faults.map(({ field, message }) => `  wrong  ${field}: ${message}`),
    ...settings.map((s) => `  ${s.name.padEnd(width)}  ${s.value ?? '-'}${s.value && s.isDefault ? ' (default)' : ''}`),
    ...connections.map((c) => (c.fault === null ? `  works  ${c.name}` : `  fails  ${c.name}: ${c.fault}`)),
    '',
  ];
}

function unknownLine({ name, suggestion }: UnknownVariable): string {
  return `No setting is called ${name}${suggestion ? `: is ${suggestion} meant?` : ': it changes nothing.'}`;
}
