import { readPackAsset } from '../core/assets.ts';
import type { LexiconTerm } from '../domain/normalization/lexicon.ts';
import { readOrdinaryWords } from '../domain/normalization/ordinary-words.ts';
import { createPack } from '../domain/normalization/packs.ts';
import { countsOf, endWithError } from '../scripts/command-line.ts';
import { quantile, renderTable } from '../scripts/table.ts';
import { drawFrom, hardTexts, makeSentences, makeTerms } from './normalize-texts.ts';
import { measureText2num } from './text2num.ts';

const usage = `npm run bench:normalize -- [options]

Normalizes Dutch sentences of 20 words with the pack nl-dental and 100, 5,000 and 20,000 further terms. Beside it: replacing the
same spellings by one regular expression, exact matches only, and text2num from PyPI, number words only (left out where there
is no Python 3). Then what loading the ordinary words takes, and 100,000 characters of what makes careless code slow. Times are
of the processor; each is the median of its rounds.

  --sentences N   different sentences a round (default 500)
  --rounds N      rounds of each, in turn (default 9)
  --seed N        what terms and sentences are drawn from (default 1)
  --json          print the figures as one JSON line on standard output
  --help          show this`;

const termCounts = [100, 5_000, 20_000] as const;
const hardLength = 100_000;

/** The most that is accepted. */
const targets = { sentenceMicroseconds: 200, slowdown: 2, hardMs: 200, loadMs: 30, wordsMegabytes: 10 };

/** One number of further terms. */
interface Row {
  terms: number;
  layerMs: number;
  layerMegabytes: number;
  sentenceMicroseconds: number;
  expressionMicroseconds: number;
}

async function main(): Promise<void> {
  const options = countsOf(usage, { sentences: 500, rounds: 9, seed: 1 });
  if (!options) return;
  const { rounds, json } = options;
  const draw = drawFrom(options.seed);
  const words = measureWords(rounds);
  const terms = makeTerms(Math.max(...termCounts), draw);
  // The same sentences for all: their terms are among those of the smallest lexicon.
  const sentences = makeSentences(options.sentences, terms.slice(0, termCounts[0]), draw);
  const rows = measureTerms(terms, sentences, rounds);
  const hard = measureHardTexts(rounds);
  const text2num = await measureText2num(sentences, (line) => console.error(line)).then(
    (sentenceMicroseconds) => ({ sentenceMicroseconds: rounded(sentenceMicroseconds) }),
    (error: unknown) => ({ skipped: error instanceof Error ? error.message : String(error) }),
  );
  if (json) return console.log(JSON.stringify({ words, rows, text2num, hard, targets }));
  console.log(tableOf(rows));
  console.log(
    'skipped' in text2num
      ? `\ntext2num is left out: ${text2num.skipped}`
      : `\ntext2num, number words only: ${text2num.sentenceMicroseconds} µs a sentence`,
  );
  console.log(
    `ordinary words: ${words.loadMs} ms and ${words.megabytes} MB to load ${verdict(words.loadMs, targets.loadMs)}\n`,
  );
  const lines = hard.map(({ name, ms }) => [name, String(ms), verdict(ms, targets.hardMs)]);
  console.log(renderTable([[`${hardLength} characters`, 'ms', `< ${targets.hardMs}`], ...lines]));
}

/** Milliseconds of the processor that a piece of work took. */
function spentMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function measureWords(rounds: number): { loadMs: number; megabytes: number } {
  const times = Array.from({ length: rounds }, () => spentMs(() => readOrdinaryWords(readPackAsset('nl-words.bin'))));
  return { loadMs: rounded(quantile(times, 0.5)), megabytes: rounded(readPackAsset('nl-words.bin').byteLength / 1e6) };
}

function measureTerms(terms: readonly LexiconTerm[], sentences: readonly string[], rounds: number): Row[] {
  const pack = createPack('nl-dental', readPackAsset);
  // What the first of them costs the compiler is no cost of its terms.
  pack.normalizer([terms.slice(0, 1_000)]);
  const prepared = termCounts.map((size) => {
    const layer = terms.slice(0, size);
    const before = memory();
    let normalizer = pack.normalizer();
    const layerMs = rounded(
      spentMs(() => {
        normalizer = pack.normalizer([layer]);
      }),
    );
    return {
      size,
      normalizer,
      layerMs,
      layerMegabytes: rounded((memory() - before) / 1e6),
      replace: expression(layer),
    };
  });
  const times = prepared.map(() => ({ sentence: [] as number[], expression: [] as number[] }));
  // The first two rounds are for the compiler.
  for (let round = -2; round < rounds; round += 1) {
    for (const [index, { normalizer, replace }] of prepared.entries()) {
      const each = (work: (sentence: string) => void) =>
        (spentMs(() => sentences.forEach((sentence) => void work(sentence))) * 1_000) / sentences.length;
      const sentence = each((text) => normalizer.normalize(text));
      const byExpression = each(replace);
      if (round < 0) continue;
      times[index]?.sentence.push(sentence);
      times[index]?.expression.push(byExpression);
    }
  }
  return prepared.map(({ size, layerMs, layerMegabytes }, index) => ({
    terms: size,
    layerMs,
    layerMegabytes,
    sentenceMicroseconds: rounded(quantile(times[index]?.sentence ?? [], 0.5)),
    expressionMicroseconds: rounded(quantile(times[index]?.expression ?? [], 0.5)),
  }));
}

/** What is used of memory, the indexes outside of the heap too. Without `--expose-gc` garbage counts. */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The common way: one alternative for each spelling, which is looked up in a map. */
function expression(terms: readonly LexiconTerm[]): (text: string) => string {
  const spellings = new Map(
    terms.flatMap(({ canonical, variants }) => variants.map((variant) => [variant, canonical])),
  );
  const pattern = new RegExp(`\\b(?:${[...spellings.keys()].join('|')})\\b`, 'gi');
  return (text) => text.replace(pattern, (spelling) => spellings.get(spelling.toLowerCase()) ?? spelling);
}

function measureHardTexts(rounds: number): { name: string; ms: number }[] {
  const pack = createPack('nl-dental', readPackAsset);
  return [...hardTexts(hardLength)].map(([name, text]) => {
    const times = Array.from({ length: rounds }, () => {
      // A normalizer of its own for each: none has met these words before.
      const normalizer = pack.normalizer();
      return spentMs(() => normalizer.normalize(text));
    });
    return { name, ms: rounded(quantile(times, 0.5)) };
  });
}

function tableOf(rows: readonly Row[]): string {
  const least = rows[0]?.sentenceMicroseconds ?? Number.NaN;
  const head = ['terms', 'µs a sentence', `< ${targets.sentenceMicroseconds}`, 'to 100 terms', `≤ ${targets.slowdown}`];
  return renderTable([
    [...head, 'regular expression', 'layer ms', 'layer MB'],
    ...rows.map((row) => {
      const slowdown = rounded(row.sentenceMicroseconds / least);
      return [
        ...[row.terms, row.sentenceMicroseconds].map(String),
        verdict(row.sentenceMicroseconds, targets.sentenceMicroseconds),
        String(slowdown),
        verdict(slowdown, targets.slowdown),
        ...[row.expressionMicroseconds, row.layerMs, row.layerMegabytes].map(String),
      ];
    }),
  ]);
}

function verdict(value: number, target: number): string {
  return value <= target ? 'met' : 'MISSED';
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}

main().catch(endWithError);
