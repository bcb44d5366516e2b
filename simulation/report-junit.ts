import { escapeMarkup } from './escape-markup.ts';
import type { ScenarioResult } from './run-scenario.ts';
import { transcriptOf } from './timeline.ts';

/** Results as JUnit XML, in the form that CI systems read (https://github.com/testmoapp/junitxml): a test case a scenario. */
export function junitOf(results: readonly ScenarioResult[]): string {
  const count = (outcome: ScenarioResult['outcome']) => results.filter((result) => result.outcome === outcome).length;
  const counts = `tests="${results.length}" failures="${count('failed')}" errors="${count('error')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="simulation" ${counts} time="${secondsOf(results.reduce((sum, { durationMs }) => sum + durationMs, 0))}">`,
    ...results.flatMap(caseOf),
    '</testsuite>',
    '',
  ].join('\n');
}

function caseOf(result: ScenarioResult): string[] {
  const { name, outcome, message, checks, planted, timeline, durationMs } = result;
  const failed = checks.filter(({ ok }) => !ok).map((check) => `${check.name}: ${check.detail}`);
  const className = planted ? `simulation.planted.${planted}` : 'simulation';
  const told = escapeMarkup(message || failed[0] || '');
  const all = escapeMarkup(failed.join('\n'));
  return [
    `  <testcase classname="${escapeMarkup(className)}" name="${escapeMarkup(name)}" time="${secondsOf(durationMs)}">`,
    ...(outcome === 'failed' ? [`    <failure message="${told}">${all}</failure>`] : []),
    ...(outcome === 'error' ? [`    <error message="${told}"/>`] : []),
    ...(timeline ? [`    <system-out>${escapeMarkup(transcriptOf(timeline))}</system-out>`] : []),
    '  </testcase>',
  ];
}

function secondsOf(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
