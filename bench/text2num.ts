import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, findOnPath, runLong } from '../scripts/livekit-programs.ts';

/** The release that is measured (text2num on PyPI, MIT): it writes Dutch number words in digits, no more. */
const release = '3.1.0';

const program = `
import json, sys, time
from text_to_num import alpha2digit
sentences = json.load(sys.stdin)
best = None
for _ in range(6):
    start = time.process_time()
    for sentence in sentences:
        alpha2digit(sentence, "nl")
    spent = (time.process_time() - start) / len(sentences) * 1e6
    best = spent if best is None else min(best, spent)
print(json.dumps(best))
`;

/**
 * What text2num takes for a sentence, in microseconds of processor time.
 * @throws Error when there is no Python 3 here, or no registry to install it from
 */
export async function measureText2num(sentences: readonly string[], progress: (line: string) => void): Promise<number> {
  const python = await findOnPath('python3', process.env);
  if (!python) throw new Error('there is no python3 on PATH');
  const folder = join(cacheFolder(process.env), `text2num-${release}`);
  const step = (name: string, command: string, args: string[]) =>
    runLong({ name, command, args, env: process.env, timeoutMs: 300_000 }, progress);
  if (!existsSync(folder)) {
    try {
      await step('making a Python environment', python, ['-m', 'venv', folder]);
      const options = ['--quiet', '--disable-pip-version-check'];
      await step(`installing text2num ${release}`, join(folder, 'bin', 'pip'), [
        ...['install', ...options, `text2num==${release}`],
      ]);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }
  const running = promisify(execFile)(join(folder, 'bin', 'python'), ['-c', program]);
  running.child.stdin?.end(JSON.stringify(sentences));
  return JSON.parse((await running).stdout) as number;
}
