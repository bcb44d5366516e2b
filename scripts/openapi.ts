import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assetPath } from '../core/assets.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { endWithError } from './command-line.ts';
import { startLocalApi } from './stack.ts';

const usage = `npm run openapi -- [options]

Writes docs/openapi.json, the OpenAPI 3.1 document of the HTTP interface, from the routes.

  --check    write nothing; fail when the file is not what the routes say
  --help     show this`;

const file = assetPath('docs', 'openapi.json');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return console.log(usage);
  const document = `${JSON.stringify(await currentDocument(), null, 2)}\n`;
  if (!values.check) {
    await writeFile(file, document);
    return console.log(`wrote ${file}`);
  }
  if ((await readFile(file, 'utf8')) !== document) {
    throw new Error('docs/openapi.json is not what the routes say: run `npm run openapi`');
  }
  console.log('docs/openapi.json is what the routes say');
}

/** What an API of this checkout serves, on an embedded database that is gone afterwards. */
async function currentDocument(): Promise<unknown> {
  const releasers = new Releasers();
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-openapi-'));
    releasers.add(() => rm(dataDir, { recursive: true, force: true }));
    // Nobody asks LiveKit anything as long as there is no session.
    const livekit = { url: 'ws://127.0.0.1:1', apiKey: 'openapi', apiSecret: newSecret() };
    const { url } = await startLocalApi({ env: {}, dataDir, livekit, progress: () => undefined }, releasers);
    return await (await fetch(`${url}/openapi.json`)).json();
  } finally {
    await releasers.releaseAll();
  }
}

await main().then(() => process.exit(0), endWithError);
