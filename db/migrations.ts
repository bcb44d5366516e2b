import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assetPath } from '../core/assets.ts';

/** Where the migrations lie: `<tag>.sql` and, to undo it, `<tag>.down.sql`. */
export const migrationsFolder = assetPath('db', 'migrations');

/** One step of the schema. */
export interface Migration {
  /** Its file's name without the ending. */
  tag: string;
  /** Orders the steps, epoch milliseconds: when it was written. */
  createdAtMs: number;
}

/** Every step this program knows, oldest first, as the journal of drizzle-kit lists them. */
export function knownMigrations(): [Migration, ...Migration[]] {
  const journal: { entries: { tag: string; when: number }[] } = JSON.parse(
    readFileSync(join(migrationsFolder, 'meta', '_journal.json'), 'utf8'),
  );
  const [first, ...rest] = journal.entries.map(({ tag, when }) => ({ tag, createdAtMs: when }));
  if (!first) throw new Error('The journal of the migrations is empty');
  return [first, ...rest];
}

/** The statements that undo a step. */
export function downStatements({ tag }: Migration): string[] {
  return readFileSync(join(migrationsFolder, `${tag}.down.sql`), 'utf8').split('--> statement-breakpoint');
}
