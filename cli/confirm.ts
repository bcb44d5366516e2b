import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../core/errors.ts';

/** What a person has to agree to before it is done. */
export interface Confirmation {
  /** What is about to happen and can't be undone, as a sentence. */
  warning: string;
  /** What may be typed instead of `yes`, such as the name of what goes. */
  name: string;
  /** Agreed to already, with `--yes`. */
  isGiven: boolean;
}

/**
 * Asks a person at a terminal before something that can't be undone.
 * @throws AppError `conflict` when they don't agree, or when there is no terminal to ask at.
 */
export async function requireConfirmation(
  { stdin, stderr }: { stdin: Readable & { isTTY?: boolean }; stderr: Writable },
  { warning, name, isGiven }: Confirmation,
): Promise<void> {
  if (isGiven) return;
  if (!stdin.isTTY)
    throw new AppError('conflict', `${warning} There is no terminal to ask at: say --yes if you mean it`);
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await Promise.race([
      terminal.question(`${warning}\nType yes or ${name} to go on: `),
      // Ctrl-D or Ctrl-C: the question would stay unanswered.
      new Promise<string>((resolve) => terminal.once('close', () => resolve(''))),
    ]);
    if (![name, 'yes'].includes(answer.trim())) throw new AppError('conflict', 'Nothing was done');
  } finally {
    terminal.close();
  }
}
