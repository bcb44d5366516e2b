import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';

const pythonIsThere = (() => {
  try {
    execFileSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']);
    return true;
  } catch {
    return process.env.REQUIRE_ALL === '1';
  }
})();

describe.skipIf(!pythonIsThere)('the checks of the stand-ins with clients of other languages', () => {
  test('count every client that is not installed as failed, and try all that are to be installed', async () => {
    const list = readFileSync(assetPath('sandbox', 'conformance', 'requirements.txt'), 'utf8');
    const wanted = list.split('\n').flatMap((line) => /^[a-z-]+/.exec(line)?.[0] ?? []);
    const program = assetPath('sandbox', 'conformance', 'main.py');
    // Without any installed package, wherever the machine has some.
    const args = ['-S', '-E', '-B', program, 'http://127.0.0.1:1'];
    const { stdout } = await promisify(execFile)('python3', args, { timeout: 20_000 });
    const rows = stdout
      .trim()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
    expect(new Set(rows.map(({ client }) => client))).toEqual(new Set(wanted));
    for (const row of rows) {
      expect(row).toMatchObject({ version: '', check: 'installed', passed: false });
      expect(row.detail).toContain('PackageNotFoundError');
    }
  });
});
