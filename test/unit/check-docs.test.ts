import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkDocument, checkProject, checkSettings, type ProjectFacts } from '../../scripts/check-docs.ts';

const facts: ProjectFacts = {
  paths: new Set([
    'README.md',
    'package.json',
    'core',
    'core/config.ts',
    'docs',
    'docs/guide.md',
    'sandbox',
    'sandbox/lines',
    'scripts',
    'scripts/demo.ts',
  ]),
  scripts: { demo: 'build && node dist/scripts/demo.js', lint: 'linter .' },
  variables: new Set(['API_PORT', 'LIVEKIT_URL']),
  commands: new Map([
    ['demo', 'scripts/demo'],
    ['normalize', 'cli/normalize'],
  ]),
  sources: new Map([
    ['scripts/demo', 'usage: --json'],
    ['cli/normalize', '--pack --explain'],
  ]),
};

const messages = (text: string, document = 'docs/guide.md') =>
  checkDocument(document, text, facts).map(({ message }) => message);

describe('checkDocument finds no fault with', () => {
  test.each([
    'Settings live in `core/config.ts`, see `core/config.ts:12` and the folder `sandbox/`.',
    'Patterns and placeholders: `scripts/*.ts`, `sandbox/lines/<id>.wav`, `docs/**/*.md`.',
    'Files by their own name: `package.json`, `config.ts`; endings: `.ts`.',
    'What is generated: `dist/api/server.js`, `node_modules/.bin/biome`.',
    'No paths: `application/json`, `/api/v1/token`, `livekit/livekit-server`, `and/or`, `a.b`, `en-GB`.',
    'Links: [guide](guide.md#part), [readme](../README.md), [site](https://example.test/a.md), [here](#part).',
    'A link in code is an example: `[x](missing.md)`.',
    'Set `API_PORT`, `LIVEKIT_URL=ws://127.0.0.1:7880`; `SQL` and `invalid_input` are no variables.',
    'Run `npm run demo`, `npm run --silent demo -- --json`, `npm run lint`.',
    'Run `npx parley demo --json`, `parley normalize --pack nl-dental --explain`, `parley demo --help`.',
    ['```sh', 'API_PORT=1 npm run demo -- --json', 'cat missing/file.ts | npx parley normalize --pack x', '```'].join(
      '\n',
    ),
  ])('%s', (text) => {
    expect(messages(text)).toEqual([]);
  });
});

describe('checkDocument reports', () => {
  test.each([
    ['a path', 'See `core/missing.ts`.', 'core/missing.ts does not exist'],
    ['a path with a line', 'See `core/missing.ts:3`.', 'core/missing.ts does not exist'],
    ['a room that is not there', 'See `nowhere/file.ts`.', 'nowhere/file.ts does not exist'],
    ['a folder', 'See `core/parts/`.', 'core/parts does not exist'],
    ['the folder of a pattern', 'See `core/parts/*.ts`.', 'core/parts does not exist'],
    ['a bare file name', 'See `missing.json`.', 'no file is called missing.json'],
    ['a link', 'See [it](missing.md).', 'the link to missing.md leads nowhere'],
    ['a link out of its folder', 'See [it](core/config.ts).', 'the link to core/config.ts leads nowhere'],
    ['a script', 'Run `npm run missing`.', 'package.json has no script missing'],
    ['an option of a script', 'Run `npm run demo -- --xml`.', 'demo has no option --xml'],
    ['a command', 'Run `parley fly`.', 'parley has no command fly'],
    ['an option of a command', 'Run `npx parley demo --xml`.', 'parley demo has no option --xml'],
    ['a variable', 'Set `NO_SUCH_THING`.', 'no setting is called NO_SUCH_THING'],
    ['a variable with a value', 'Set `NO_SUCH_THING=1`.', 'no setting is called NO_SUCH_THING'],
    ['a variable in a block', '```\nNO_SUCH_THING=1 npm test\n```', 'no setting is called NO_SUCH_THING'],
    ['a script in a block', '~~~\n$ npm run missing\n~~~', 'package.json has no script missing'],
    ['a command in a pipe', '```\necho | parley fly\n```', 'parley has no command fly'],
  ])('%s', (_name, text, message) => {
    expect(messages(text)).toEqual([message]);
  });

  test('the document and the line', () => {
    expect(checkDocument('README.md', 'fine\n\n`core/missing.ts`', facts)).toEqual([
      { document: 'README.md', line: 3, message: 'core/missing.ts does not exist' },
    ]);
  });
});

test('checkSettings compares the example with the configuration, both ways', () => {
  const config = 'const schema = z.object({\n  API_PORT: port,\n  JWT_SECRET: secret,\n});';
  expect(checkSettings('# About it.\nAPI_PORT=8080\n# JWT_SECRET=\n', config)).toEqual([]);
  expect(checkSettings('API_PORT=8080\nOLD_ONE=1\n', config).map(({ message }) => message)).toEqual([
    'JWT_SECRET of core/config/ is missing',
    'core/config/ does not read OLD_ONE',
  ]);
});

test('checkProject reads the documents of a folder and nothing that is generated', async () => {
  const root = await mkdtemp(join(tmpdir(), 'parley-docs-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const files = {
    'package.json': '{"scripts":{"demo":"node dist/scripts/demo.js"}}',
    'core/config/api.ts': 'z.object({\n  API_PORT: port,\n})',
    '.env.example': 'API_PORT=8080\n',
    'scripts/demo-options.ts': "'--json'",
    'README.md': '`npm run demo -- --json`, `core/config/api.ts`, `API_PORT`, `core/none.ts`',
    'docs/decisions/one.md': '[config](../../core/config/api.ts) [none](none.md)',
    'node_modules/thing/README.md': '`core/none.ts`',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  expect(checkProject(root)).toEqual([
    { document: 'README.md', line: 1, message: 'core/none.ts does not exist' },
    { document: 'docs/decisions/one.md', line: 1, message: 'the link to none.md leads nowhere' },
  ]);
});
