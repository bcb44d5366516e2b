import { PassThrough } from 'node:stream';
import { dbCommand } from '../../cli/db.ts';
import type { Environment } from '../../core/config/environment.ts';

/** A terminal at which an answer is typed, or no terminal. */
function inputOf(answer: string | undefined): PassThrough & { isTTY?: boolean } {
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  if (answer === undefined) return stdin;
  stdin.isTTY = true;
  stdin.end(answer);
  return stdin;
}

/** Runs `parley db`; `answer` is typed at a terminal, without one there is none. */
export async function runDb(args: string[], env: Environment, answer?: string) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = { out: '', errors: '' };
  stdout.on('data', (piece) => {
    output.out += piece;
  });
  stderr.on('data', (piece) => {
    output.errors += piece;
  });
  const code = await dbCommand(args, { stdin: inputOf(answer), stdout, stderr, env });
  await new Promise(setImmediate);
  return { code, ...output };
}
