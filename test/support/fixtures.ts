import { readFileSync } from 'node:fs';
import { assetPath } from '../../core/assets.ts';

/** Rows of a table of cases in `test/unit/fixtures/`: an input, its output, and the rule it is about if the table says so. */
export function rowsOf(file: string): [input: string, output: string, rule?: string][] {
  const lines = readFileSync(assetPath('test', 'unit', 'fixtures', file), 'utf8')
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => {
    const [input = '', output = '', rule] = line.split('\t');
    return [input, output, rule];
  });
}
