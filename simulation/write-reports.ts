import { writeFile } from 'node:fs/promises';
import { htmlOf } from './report-html.ts';
import { junitOf } from './report-junit.ts';
import type { ScenarioResult } from './run-scenario.ts';

/** Writes the reports that are asked for, each to the file that is named for it. */
export async function writeReports(
  results: readonly ScenarioResult[],
  { junit, html }: { junit?: string; html?: string },
): Promise<void> {
  if (junit) await writeFile(junit, junitOf(results));
  if (html) await writeFile(html, htmlOf(results));
}
