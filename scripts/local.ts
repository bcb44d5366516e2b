import { parseArgs } from 'node:util';
import { assetPath } from '../core/assets.ts';
import { ConfigError } from '../core/errors.ts';
import { Releasers, stopSignal } from '../core/lifecycle.ts';
import { endWithError } from './command-line.ts';
import { exitWithParent } from './processes.ts';
import { localEnvironment, startLocalApi, startStack } from './stack.ts';

const usage = `npm run dev -- [options]

Runs everything on this machine until Ctrl-C: LiveKit, the API on an embedded database, a worker, and stand-ins for vendors
without a key. With \`npm run dev\` a change of a source file starts it again.

  --data-dir DIR    folder of the embedded database (default: .parley/data)
  --api-only        only the API; needs LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and DEVELOPMENT_TOKEN
  --json            print the addresses as one JSON line on standard output
  --help            show this`;

async function main(): Promise<void> {
  exitWithParent();
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: assetPath('.parley', 'data') },
      'api-only': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const stopped = stopSignal();
  const releasers = new Releasers();
  const options = {
    env: localEnvironment(),
    dataDir: values['data-dir'],
    progress: (line: string) => console.error(line),
  };
  try {
    await Promise.race([
      stopped,
      values['api-only'] ? runApi(options, releasers) : runAll(options, values.json, releasers),
    ]);
    await stopped;
  } finally {
    await releasers.releaseAll();
  }
}

async function runApi(options: Parameters<typeof startStack>[0], releasers: Releasers): Promise<void> {
  const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = options.env;
  const missing = Object.entries({ LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET }).filter(([, value]) => !value);
  if (!LIVEKIT_URL || !LIVEKIT_API_KEY || !LIVEKIT_API_SECRET) {
    throw new ConfigError(missing.map(([field]) => ({ field, message: 'is not set' })));
  }
  const livekit = { url: LIVEKIT_URL, apiKey: LIVEKIT_API_KEY, apiSecret: LIVEKIT_API_SECRET };
  const { url } = await startLocalApi({ ...options, livekit }, releasers);
  console.log(JSON.stringify({ apiUrl: url }));
}

async function runAll(options: Parameters<typeof startStack>[0], json: boolean, releasers: Releasers): Promise<void> {
  const stack = await startStack(options);
  releasers.add(() => stack.stop());
  for (const { part, origin } of stack.parts) console.error(`${part.padEnd(12)}${origin}`);
  const { apiUrl, livekit, agentName, developmentToken, sandboxUrl } = stack;
  const addresses = { apiUrl, livekitUrl: livekit.url, agentName, developmentToken, sandboxUrl: sandboxUrl ?? null };
  if (json) console.log(JSON.stringify(addresses));
  else for (const [name, value] of Object.entries(addresses)) console.log(`${name.padEnd(18)}${value ?? '-'}`);
}

main().then(() => process.exit(0), endWithError);
