import { fork } from 'node:child_process';
import type { Environment } from '../core/config/environment.ts';
import { entry } from './processes.ts';

/** Messages that end a caller's process: how it went. */
type LastMessage = { type: 'failed'; message: string } | { type: 'done' };

/**
 * Runs the process of a simulated person to its end. It is one of its own, since the native room client writes its log to
 * standard output.
 * @param program the program, named from the root without its ending
 * @param onMessage sees what it tells before it ends
 * @throws Error saying what failed, also when it ends early
 */
export async function runCaller<Message extends { type: string }>(
  program: string,
  env: Environment,
  onMessage: (message: Message) => void,
): Promise<void> {
  const { args } = entry(program);
  const caller = fork(args.at(-1) as string, {
    execArgv: args.slice(0, -1),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await new Promise<void>((resolve, reject) => {
    caller.on('message', (message: Message | LastMessage) => {
      if (isLast(message)) {
        if (message.type === 'done') resolve();
        else reject(new Error(`The conversation failed: ${message.message}.`));
      } else onMessage(message);
    });
    caller.on('exit', (code) => reject(new Error(`The caller's process ended early with code ${code}.`)));
  });
}

/** For a caller's process: tells the demo. */
export function tellDemo(message: object): void {
  process.send?.(message);
}

/** For a caller's process: does its work, tells how it went, and ends; also when the demo is gone. */
export function runAsCaller(work: () => Promise<void>): void {
  const finish = (message: LastMessage, code: number) => process.send?.(message, () => process.exit(code));
  process.on('disconnect', () => process.exit(1));
  work().then(
    () => finish({ type: 'done' }, 0),
    (error: unknown) => finish({ type: 'failed', message: error instanceof Error ? error.message : String(error) }, 1),
  );
}

function isLast(message: { type: string }): message is LastMessage {
  return message.type === 'failed' || message.type === 'done';
}
