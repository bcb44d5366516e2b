import { parseArgs } from 'node:util';

/**
 * Ends a program of this folder that failed, with one message for a person on standard error. The exit code is 2 when the
 * command line was not understood, else 1.
 */
export function endWithError(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) {
    console.error(`${message.split('\n', 1)[0]} (see --help)`);
    process.exit(2);
  }
  console.error(message);
  process.exit(1);
}

/** The whole number from 1 that an option was given. @throws Error naming the option (`--runs`) */
export function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${option} needs a whole number from 1`);
  return number;
}

/**
 * What a measuring program was told: whole numbers from 1 by the name of their option, flags, and `--json`. With `--help` it
 * prints the usage instead, and there are none.
 * @param defaults option by option, without its dashes
 * @param flags options without a value
 * @throws Error naming an option that is not known or not a whole number
 */
export function countsOf<Name extends string, Flag extends string = never>(
  usage: string,
  defaults: Record<Name, number>,
  flags: readonly Flag[] = [],
): (Record<Name, number> & Record<Flag | 'json', boolean>) | undefined {
  const names = Object.keys(defaults) as Name[];
  const allFlags = [...flags, 'json' as const];
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
      ...Object.fromEntries(allFlags.map((name) => [name, { type: 'boolean' as const }])),
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return undefined;
  }
  const given = values as Partial<Record<string, string | boolean>>;
  const counts = names.map((name) => [name, wholeNumber(`--${name}`, String(given[name] ?? defaults[name]))]);
  return Object.fromEntries([...counts, ...allFlags.map((flag) => [flag, given[flag] === true])]);
}
