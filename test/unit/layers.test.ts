import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';

const used = (from: string) => `import { thing } from '${from}';\n\nexport const copy = thing;\n`;
const app = '../../api/app.ts';

/** File, its text, and what the layers say to it. */
const cases: [file: string, text: string, verdict: 'refused' | 'allowed'][] = [
  ['core/a.ts', used('../domain/actor.ts'), 'refused'],
  ['core/b.ts', used('./errors.ts'), 'allowed'],
  ['domain/a.ts', used('../db/client.ts'), 'refused'],
  ['domain/b.ts', used('node:fs'), 'refused'],
  ['domain/c.ts', used('../core/errors.ts'), 'allowed'],
  ['providers/stt/a.ts', used('../../db/client.ts'), 'refused'],
  ['providers/stt/b.ts', used('../../domain/actor.ts'), 'allowed'],
  ['db/a.ts', used('../services/tokens.ts'), 'refused'],
  ['db/b.ts', used('../domain/actor.ts'), 'allowed'],
  ['services/a.ts', used('../api/app.ts'), 'refused'],
  ['services/b.ts', used('../providers/index.ts'), 'refused'],
  ['services/c.ts', used('../db/client.ts'), 'allowed'],
  ['api/a.ts', used('../db/client.ts'), 'refused'],
  ['api/b.ts', used('../services/tokens.ts'), 'allowed'],
  ['api/server.ts', used('../sandbox/server.ts'), 'refused'],
  ['agents/a.ts', used('../db/client.ts'), 'refused'],
  ['agents/b.ts', used('../services/tokens.ts'), 'refused'],
  ['agents/roster/c.ts', used(app), 'refused'],
  ['agents/roster/d.ts', `import type { App } from '${app}';\n\nexport type Copy = App;\n`, 'allowed'],
  ['agents/worker.ts', used('../sandbox/server.ts'), 'refused'],
  ['agents/job.ts', used('../sandbox/server.ts'), 'refused'],
  ['jobs/a.ts', used('../api/app.ts'), 'refused'],
  ['jobs/b.ts', used('../db/client.ts'), 'refused'],
  ['jobs/c.ts', used('../services/tokens.ts'), 'allowed'],
  ['jobs/worker.ts', used('../db/client.ts'), 'allowed'],
  ['sandbox/a.ts', used('../domain/actor.ts'), 'refused'],
  ['sandbox/b.ts', used('../core/errors.ts'), 'allowed'],
  ['sandbox/c.ts', used('../simulation/scenario.ts'), 'refused'],
  ['agents/e.ts', used('../simulation/scenario.ts'), 'refused'],
  ['simulation/a.ts', used('../agents/call.ts'), 'refused'],
  ['simulation/b.ts', used('../sandbox/settings.ts'), 'allowed'],
  ['scripts/local.ts', used('../sandbox/server.ts'), 'allowed'],
];

interface Report {
  diagnostics: { category: string; location: { path: string } }[];
}

let folder: string;
let refused: Set<string>;

/** One run of the linter over all of it, with the project's own configuration. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-layers-'));
  for (const file of ['biome.jsonc', '.gitignore']) await copyFile(assetPath(file), join(folder, file));
  await symlink(assetPath('node_modules'), join(folder, 'node_modules'));
  for (const [file, text] of cases) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  const biome = assetPath('node_modules', '.bin', 'biome');
  const options = ['lint', '--reporter=json', '--only=style/noRestrictedImports', '--max-diagnostics=none', '.'];
  const { stdout } = await promisify(execFile)(biome, options, { cwd: folder }).catch((error) => error);
  const report: Report = JSON.parse(stdout);
  refused = new Set(report.diagnostics.map(({ location }) => location.path));
});

afterAll(() => rm(folder, { recursive: true }));

test.each(cases)('%s: %j is %s', (file, _text, verdict) => {
  expect(refused.has(file) ? 'refused' : 'allowed').toBe(verdict);
});
