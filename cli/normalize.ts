import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { assetPath } from '../core/assets.ts';
import { createNormalizer } from '../domain/normalization/packs.ts';
import type { Normalized, Normalizer, Span } from '../domain/normalization/result.ts';

const usage = `Usage: parley normalize --pack <name> [--json | --explain]

Reads lines from standard input and writes each one normalized, in the same order.

  --pack <name>  the pack to apply, for example nl-dental
  --json         write the whole result of a line as one line of JSON
  --explain      write below each line what was changed, by which rule, and the warnings
  --help         show this text
`;

/** Streams of a command; a process's own, or a test's. */
interface CommandStreams {
  input: Readable;
  output: Writable;
  error: Writable;
}

/** `parley normalize`. Resolves with the exit code: 0, or 2 when the command line is wrong. */
export async function normalizeCommand(args: string[], io: CommandStreams): Promise<number> {
  let command: { normalizer: Normalizer; write: (result: Normalized) => string } | undefined;
  try {
    command = readCommand(args);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    io.error.write(`parley normalize: ${reason} (see --help)\n`);
    return 2;
  }
  if (!command) {
    io.output.write(usage);
    return 0;
  }
  for await (const line of createInterface({ input: io.input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const hasRoom = io.output.write(`${command.write(command.normalizer.normalize(line))}\n`);
    if (!hasRoom) await once(io.output, 'drain');
  }
  return 0;
}

/** What the command line asks for; undefined is the help. Throws an error whose first line says what is wrong. */
function readCommand(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      pack: { type: 'string' },
      json: { type: 'boolean' },
      explain: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  if (values.json && values.explain) throw new Error('--json and --explain exclude each other');
  if (values.pack === undefined) throw new Error('--pack is missing, for example --pack nl-dental');
  const write = values.json ? JSON.stringify : values.explain ? explain : textOnly;
  return { normalizer: createNormalizer(values.pack, readAsset), write };
}

function readAsset(file: string): string {
  return readFileSync(assetPath('domain', 'normalization', file), 'utf8');
}

function textOnly(result: Normalized): string {
  return result.text;
}

function explain(result: Normalized): string {
  const quote = (text: string, span: Span) => JSON.stringify(text.slice(span.start, span.end));
  return [
    result.text,
    ...result.edits.map((e) => `  ${e.rule}: ${quote(result.raw, e.input)} -> ${quote(result.text, e.output)}`),
    ...result.warnings.map((warning) => `  warning ${warning.code}: ${quote(result.raw, warning.input)}`),
  ].join('\n');
}
