import { renderTable } from '../scripts/table.ts';
import { answerDelaysMs } from './measures.ts';
import type { ScenarioResult } from './run-scenario.ts';
import { eventsOf } from './timeline.ts';

/** Results as columns for people, and what failed below them. */
export function tableOf(results: readonly ScenarioResult[]): string {
  const head = ['scenario', 'outcome', 'checks', 'turns', 'slowest answer', 'planted'];
  const rows = results.map(({ name, outcome, checks, timeline, planted }) => [
    name,
    outcome,
    `${checks.filter(({ ok }) => ok).length}/${checks.length}`,
    timeline ? String(eventsOf(timeline, 'report').length) : '-',
    timeline ? slowest(answerDelaysMs(timeline)) : '-',
    planted ?? '-',
  ]);
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  const unjudged = results.filter(({ judgement }) => judgement === 'not-run').map(({ name }) => name);
  return [
    renderTable([head, ...rows]),
    '',
    ...results.flatMap(failuresOf),
    ...(unjudged.length ? [`Not judged, for want of --judge or a key: ${unjudged.join(', ')}`] : []),
    `${passed} of ${results.length} scenarios passed.`,
  ].join('\n');
}

function failuresOf({ name, outcome, message, checks, planted }: ScenarioResult): string[] {
  if (outcome === 'passed') return [];
  const failed = planted ? [] : checks.filter(({ ok }) => !ok).map((check) => `${check.name}: ${check.detail}`);
  return [message, ...failed].filter(Boolean).map((line) => `${name}: ${line}`);
}

function slowest(delaysMs: readonly number[]): string {
  return delaysMs.length ? `${Math.round(Math.max(...delaysMs))} ms` : '-';
}
