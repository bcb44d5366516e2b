import { CsvError, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { type LexiconImport, type NewLexiconEntry, newLexiconEntrySchema } from './lexicon.ts';
import { fold } from './normalization/tokens.ts';

/** Columns of a file of terms; variants stand in one cell. */
const columns = ['canonical', 'category', 'variants'] as const;

type Column = (typeof columns)[number];

const variantSeparator = '|';

/** What a file of terms holds: what can be used, and the lines that can't, in the order of the file. */
export interface LexiconFile {
  terms: NewLexiconEntry[];
  rejected: LexiconImport['rejected'];
}

/**
 * Reads a CSV file of terms (RFC 4180, one term a line): a header with `canonical` and maybe `category` and `variants`, in
 * any order; cells apart by commas or, as Dutch spreadsheets save them, by semicolons; with a byte order mark or without.
 * A line that can't be used never stops the others.
 * @throws AppError `invalid_input` for another header, `too_large` for more lines than a lexicon may have entries.
 */
export function readLexiconFile(file: string): LexiconFile {
  const [header = '', ...lines] = file.replace(/^\uFEFF/, '').split(/\r\n|[\r\n]/);
  const separator = header.includes(';') ? ';' : ',';
  const order = orderOf(header.replace(/[\s;,]+$/, ''), separator);
  const filled = lines.flatMap((text, index) => (/[^\s;,]/.test(text) ? [{ text, line: index + 2 }] : []));
  if (filled.length > sizes.lexiconEntries) {
    throw new AppError(
      'too_large',
      `The file has ${filled.length} terms: a lexicon has ${sizes.lexiconEntries} at most`,
    );
  }

  const terms = new Map<string, { term: NewLexiconEntry; line: number }>();
  const rejected: LexiconFile['rejected'] = [];
  for (const { text, line } of filled) {
    const read = termOf(text, separator, order);
    const known = 'term' in read ? terms.get(fold(read.term.canonical)) : undefined;
    if ('reason' in read) rejected.push({ line, reason: read.reason });
    else if (known) rejected.push({ line, reason: `canonical: is the term of line ${known.line} again` });
    else terms.set(fold(read.term.canonical), { term: read.term, line });
  }
  return { terms: Array.from(terms.values(), ({ term }) => term), rejected };
}

/**
 * Writes terms as such a file, with commas and a byte order mark, without which spreadsheets misread letters with
 * diacritics. A cell that a spreadsheet would take for a formula gets an apostrophe before it.
 */
export function writeLexiconFile(terms: readonly NewLexiconEntry[]): string {
  const rows = terms.map(({ variants, ...term }) => ({ ...term, variants: variants.join(variantSeparator) }));
  return stringify(rows, {
    header: true,
    columns: [...columns],
    bom: true,
    record_delimiter: 'windows',
    escape_formulas: true,
  });
}

function orderOf(header: string, separator: string): Column[] {
  const names = cellsOf(header, separator)?.map((name) => name.trim().toLowerCase()) ?? [];
  const isOurs = (name: string): name is Column => columns.some((column) => column === name);
  if (!names.includes('canonical') || !names.every(isOurs) || new Set(names).size < names.length) {
    throw AppError.field('body', `needs to begin with the header ${columns.join(',')}`);
  }
  return names.filter(isOurs);
}

function termOf(text: string, separator: string, order: Column[]): { term: NewLexiconEntry } | { reason: string } {
  const cells = cellsOf(text, separator);
  if (!cells) return { reason: 'its quotation marks are not closed, or stand inside a cell' };
  if (cells.slice(order.length).some((cell) => cell.trim())) return { reason: `has more than ${order.length} cells` };
  const cell = (column: Column) => (cells[order.indexOf(column)] ?? '').trim();
  const parsed = newLexiconEntrySchema.safeParse({
    canonical: cell('canonical'),
    category: cell('category') || undefined,
    variants: cell('variants')
      .split(variantSeparator)
      .map((variant) => variant.trim())
      .filter(Boolean),
  });
  return parsed.success ? { term: parsed.data } : { reason: reasonOf(parsed.error) };
}

/** The cells of a line; null when it is no CSV. */
function cellsOf(text: string, separator: string): string[] | null {
  if (!text.includes('"')) return text.split(separator);
  try {
    const [cells = []] = parse(text, { delimiter: separator, relax_column_count: true });
    return cells;
  } catch (error) {
    if (error instanceof CsvError) return null;
    throw error;
  }
}

function reasonOf({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
