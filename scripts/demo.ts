import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Release, Releasers, stopSignal } from '../core/lifecycle.ts';
import { endWithError } from './command-line.ts';
import { failuresOf, failuresOfReadBack, stepsOfNewProcess } from './demo-checks.ts';
import { dictate } from './demo-dictation.ts';
import { runCaller } from './demo-process.ts';
import { figuresOf, tableOf } from './demo-table.ts';
import type { CallerMessage, DemoTurnResult } from './demo-turns.ts';
import { exitWithParent } from './processes.ts';
import { localEnvironment, type Stack, startStack } from './stack.ts';

const usage = `npm run demo -- [options]

Starts everything on this machine, lets a simulated caller talk with an agent in a real LiveKit room, and stops it all.
Vendors whose key is in the environment or in .env are real, the others are stand-ins on loopback.

  --scenario NAME   conversation (default): talk and type with the agents; dictation: a phone dictates six Dutch sentences,
                    and the computer that is paired with it shows the note
  --text            only type: no microphone, no audio (the conversation)
  --keep            start everything and leave it running for you to join, until Ctrl-C
  --json            print the figures (with --keep: the addresses) as one JSON line on standard output
  --data-dir DIR    keep the data there instead of in a temporary folder
  --help            show this`;

const scenarios = ['conversation', 'dictation'] as const;

interface DemoOptions {
  scenario: (typeof scenarios)[number];
  text: boolean;
  keep: boolean;
  json: boolean;
  dataDir?: string;
}

/** Where lines for people go: with --json standard output is kept for the one JSON line. */
type Print = (line: string) => void;

async function runDemo(options: DemoOptions, print: Print, releasers: Releasers): Promise<number> {
  const dataDir = options.dataDir ?? (await temporaryFolder((release) => releasers.add(release)));
  const env = localEnvironment();
  const stack = await startStack({ env, dataDir, progress: print });
  releasers.add(() => stack.stop());
  for (const { part, origin } of stack.parts) print(`${part.padEnd(12)}${origin}`);
  print('');
  if (options.keep) return await keepRunning(stack, options.json, print);
  if (options.scenario === 'dictation') return await dictate(stack, options.json, print);

  const results = await holdConversation(stack, options.text ? 'text' : 'voice', print);
  const failures = await failuresOf(results, stack);
  await stack.stop();
  const steps = await stepsOfNewProcess(stack, dataDir);
  failures.push(...failuresOfReadBack(steps));

  print(`\n${tableOf(results)}\n`);
  print(`saved steps, read back by a new API process: ${JSON.stringify(steps)}`);
  for (const failure of failures) print(`FAILED: ${failure}`);
  if (!failures.length) print('All turns were answered, and both steps were kept.');
  if (options.json) console.log(JSON.stringify({ ...figuresOf(results), steps, failures }));
  return failures.length ? 1 : 0;
}

/** Runs the caller's process to its end and prints the conversation as it happens. */
async function holdConversation(stack: Stack, modality: 'voice' | 'text', print: Print): Promise<DemoTurnResult[]> {
  const env = { CALLER_API_URL: stack.apiUrl, CALLER_TOKEN: stack.developmentToken, CALLER_MODALITY: modality };
  const results: DemoTurnResult[] = [];
  await runCaller<CallerMessage>('scripts/demo-caller', env, (message) => {
    if (message.type === 'line') print(`${message.speaker.padStart(6)}  ${message.text}`);
    else results.push(message.result);
  });
  return results;
}

async function keepRunning(stack: Stack, json: boolean, print: Print): Promise<number> {
  const { apiUrl, livekit, agentName, developmentToken, sandboxUrl } = stack;
  if (json) {
    console.log(
      JSON.stringify({ apiUrl, livekitUrl: livekit.url, agentName, developmentToken, sandboxUrl: sandboxUrl ?? null }),
    );
  } else {
    print(`API          ${apiUrl}`);
    print(`LiveKit      ${livekit.url}`);
    print(`token        ${developmentToken}\n`);
    print(
      'To join, ask for a room token and give both values to any LiveKit client (https://meet.livekit.io, "Custom"):',
    );
    print(`  curl -X POST ${apiUrl}/api/v1/token -H 'authorization: Bearer ${developmentToken}'\n`);
    print('Ctrl-C stops everything.');
  }
  return await new Promise<number>(() => {});
}

async function temporaryFolder(register: (release: Release) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-demo-'));
  register(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function main(): Promise<number> {
  exitWithParent();
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', default: 'conversation' },
      text: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'data-dir': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const scenario = scenarios.find((known) => known === values.scenario);
  if (!scenario) throw new Error(`--scenario: is one of ${scenarios.join(', ')}, not ${values.scenario}`);
  if (scenario === 'dictation' && values.text) throw new Error('--text: is for the conversation; dictation is spoken');
  const print: Print = (line) => (values.json ? console.error(line) : console.log(line));
  const releasers = new Releasers();
  const stopped = stopSignal().then((signal) => {
    print(`${signal}: stopping`);
    return values.keep ? 0 : 130;
  });
  const options = { scenario, text: values.text, keep: values.keep, json: values.json, dataDir: values['data-dir'] };
  try {
    return await Promise.race([runDemo(options, print, releasers), stopped]);
  } finally {
    await releasers.releaseAll();
  }
}

main().then((code) => process.exit(code), endWithError);
