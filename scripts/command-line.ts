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
