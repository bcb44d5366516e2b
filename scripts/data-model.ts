import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core';
import { assetPath } from '../core/assets.ts';
import { isSealedColumn } from '../db/columns.ts';
import { tables } from '../db/tables.ts';
import { endWithError } from './command-line.ts';

const usage = `npm run data-model -- [options]

Writes the diagram in docs/data-model.md from the schema.

  --check    write nothing; fail when the diagram is not what the schema says
  --help     show this`;

const file = assetPath('docs', 'data-model.md');
const [begin, end] = ['```mermaid\n', '```\n'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return console.log(usage);
  const page = await readFile(file, 'utf8');
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(end, from);
  if (from < begin.length || to < 0)
    throw new Error('docs/data-model.md has no block of mermaid to write the diagram into');
  const current = page.slice(0, from) + diagram() + page.slice(to);
  if (current === page) return console.log('docs/data-model.md is what the schema says');
  if (values.check) throw new Error('docs/data-model.md is not what the schema says: run `npm run data-model`');
  await writeFile(file, current);
  console.log('wrote docs/data-model.md');
}

/** An entity-relationship diagram of every table (https://mermaid.js.org/syntax/entityRelationshipDiagram.html). */
function diagram(): string {
  return ['erDiagram', ...tables.flatMap(relationsOf), ...tables.flatMap(entityOf), ''].join('\n');
}

function relationsOf(table: PgTable): string[] {
  const { name, foreignKeys } = getTableConfig(table);
  return foreignKeys.map((key) => {
    const { columns, foreignTable } = key.reference();
    const isOne = columns.every(({ primary }) => primary);
    const via = columns.map((column) => column.name).join(', ');
    return `  ${getTableConfig(foreignTable).name} ||--${isOne ? 'o|' : 'o{'} ${name} : "${via}"`;
  });
}

function entityOf(table: PgTable): string[] {
  const { name, columns, foreignKeys, primaryKeys } = getTableConfig(table);
  const isPrimary = (column: PgColumn) => column.primary || primaryKeys.some((key) => key.columns.includes(column));
  const isForeign = (column: PgColumn) => foreignKeys.some((key) => key.reference().columns.includes(column));
  const lines = columns.map((column) => {
    const keys = [isPrimary(column) && 'PK', isForeign(column) && 'FK', column.isUnique && 'UK']
      .filter(Boolean)
      .join(', ');
    const notes = [isSealedColumn(column) && 'sealed', !column.notNull && 'optional'].filter(Boolean).join(', ');
    const type = column
      .getSQLType()
      .replace(/ with time zone$/, 'tz')
      .replaceAll(/\W+/g, '_')
      .replace(/_$/, '_list');
    return ['   ', type, column.name, keys, notes && `"${notes}"`].filter(Boolean).join(' ');
  });
  return [`  ${name} {`, ...lines, '  }'];
}

main().then(() => process.exit(0), endWithError);
