import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { readPackAsset } from '../core/assets.ts';
import { readLexiconFile } from '../domain/lexicon-file.ts';
import { type LexiconTerm, parseLexicon } from '../domain/normalization/lexicon.ts';
import { createPack, packNames } from '../domain/normalization/packs.ts';
import type { Normalized, Normalizer, Span } from '../domain/normalization/result.ts';

const usage = `Usage: parley normalize --pack <name> [--json | --explain] [--lexicon <file>]

Reads lines from standard input and writes each one normalized, in the same order.

  --pack <name>     the pack to apply: ${packNames.join(' or ')}
  --json            write the whole result of a line as one line of JSON
  --explain         write below each line what was changed, by which rule, and the warnings
  --lexicon <file>  further terms, which win over those of the pack: lines of term, category
                    and variants apart by tabs, the variants by |, or a CSV file with the
                    header canonical,category,variants, as the API exports it
  --help            show this text

Exit code: 0 done, 2 when the command line or the lexicon is wrong.
`;

/** Streams of a command; a process's own, or a test's. */
interface CommandStreams {
  input: Readable;
  output: Writable;
  error: Writable;
}

/**
 * `parley normalize`. Resolves with the exit code: 0, or 2 when the command line or the lexicon is wrong. Who stops reading
 * the output ends it.
 */
export async function normalizeCommand(args: string[], io: CommandStreams): Promise<number> {
  let command: { normalizer: Normalizer; write: (result: Normalized) => string } | undefined;
  try {
    command = await readCommand(args);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    io.error.write(`parley normalize: ${reason} (see --help)\n`);
    return 2;
  }
  if (!command) {
    io.output.write(usage);
    return 0;
  }
  const { normalizer, write } = command;
  try {
    await pipeline(
      createInterface({ input: io.input, crlfDelay: Number.POSITIVE_INFINITY }),
      async function* (lines: AsyncIterable<string>) {
        for await (const line of lines) yield `${write(normalizer.normalize(line))}\n`;
      },
      io.output,
      { end: false },
    );
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
  return 0;
}

/** What the command line asks for; undefined is the help. Throws an error whose first line says what is wrong. */
async function readCommand(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      pack: { type: 'string' },
      json: { type: 'boolean' },
      explain: { type: 'boolean' },
      lexicon: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  if (values.json && values.explain) throw new Error('--json and --explain exclude each other');
  if (values.pack === undefined) throw new Error('--pack is missing, for example --pack nl-dental');
  const pack = createPack(values.pack, readPackAsset);
  const layers = values.lexicon === undefined ? [] : [await readTerms(values.lexicon)];
  const write = values.json ? JSON.stringify : values.explain ? explain : textOnly;
  return { normalizer: pack.normalizer(layers), write };
}

/** Terms of a file: apart by tabs as the shipped ones, or CSV as the API has it. Every line has to be usable. */
async function readTerms(path: string): Promise<readonly LexiconTerm[]> {
  const name = basename(path);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`--lexicon: ${name} can't be read (${error.code})`);
  });
  const text = new TextDecoder().decode(bytes);
  if (text.includes('\uFFFD')) throw new Error(`--lexicon: ${name} is no UTF-8 text`);
  try {
    if (text.includes('\t')) return parseLexicon(text);
    const { terms, rejected } = readLexiconFile(text);
    if (rejected.length === 0) return terms;
    throw new Error(rejected.map(({ line, reason }) => `lexicon line ${line}: ${reason}`).join(', '));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`--lexicon: ${name}: ${reason.replace(/^body: /, '')}`);
  }
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
