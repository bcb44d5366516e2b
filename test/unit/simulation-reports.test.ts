import { describe, expect, test } from 'vitest';
import type { TurnReport } from '../../domain/conversation.ts';
import { readVerdict } from '../../simulation/judge.ts';
import { htmlOf } from '../../simulation/report-html.ts';
import { junitOf } from '../../simulation/report-junit.ts';
import { tableOf } from '../../simulation/report-table.ts';
import { waterfallOf } from '../../simulation/report-waterfall.ts';
import type { ScenarioResult } from '../../simulation/run-scenario.ts';
import type { Timeline } from '../../simulation/timeline.ts';

const nasty = `<script>alert("x")</script> & 'more' \u0007`;

const result: ScenarioResult = {
  name: 'nasty',
  description: nasty,
  outcome: 'failed',
  message: '',
  planted: null,
  checks: [{ name: 'phrases', ok: false, detail: nasty }],
  judgement: 'not-run',
  timeline: {
    sessionId: 'a session',
    startedAtMs: 0,
    events: [
      { type: 'spoken', fromMs: 0, toMs: 1_000, text: nasty, interrupts: false, awaited: true },
      { type: 'shown', atMs: 1_500, text: nasty },
    ],
    heard: [{ fromMs: 1_500, toMs: 2_000 }],
  },
  state: null,
  durationMs: 2_000,
};
const wellDone: ScenarioResult = { ...result, name: 'well-done', outcome: 'passed', checks: [], judgement: null };

describe('reports', () => {
  test('as a table name what failed, how long answers took and who was not judged', () => {
    const table = tableOf([result, wellDone]);
    expect(table).toMatch(/nasty +failed +0\/1 +0 +500 ms/);
    expect(table).toContain('nasty: phrases: <script>');
    expect(table).toContain('Not judged, for want of --judge or a key: nasty');
    expect(table).toContain('1 of 2 scenarios passed.');
  });

  test('as JUnit count failures and errors, and hold no character that XML forbids', () => {
    const xml = junitOf([result, wellDone, { ...result, name: 'broken', outcome: 'error', message: 'no stack' }]);
    expect(xml).toContain('tests="3" failures="1" errors="1"');
    expect(xml).toContain('<error message="no stack"/>');
    expect(xml).not.toContain('<script>');
    expect(xml).not.toContain('\u0007');
  });

  test('as a page are escaped and need nothing from elsewhere', () => {
    const page = htmlOf([result]);
    expect(page).not.toContain('<script');
    expect(page).not.toMatch(/(?:src|href)=/);
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(page).toContain('<svg');
  });
});

test('a waterfall has a mark for each stage that was reached, and none for the others', () => {
  const waterfall = { transcriptMs: 100, endOfTurnMs: 300, requestMs: -150, firstTokenMs: 350, firstFrameMs: 500 };
  const report = { agent: 'concierge', waterfall: { ...waterfall, firstAudioMs: null } } as TurnReport;
  const timeline: Timeline = {
    sessionId: 'a session',
    startedAtMs: 0,
    events: [{ type: 'report', atMs: 0, report }],
    heard: [],
  };
  const picture = waterfallOf(timeline);
  expect(picture.match(/<title>/g)).toHaveLength(5);
  expect(picture).toContain('<title>request: -150 ms</title>');
  expect(picture).toContain('1 concierge, 500 ms');
  expect(waterfallOf({ ...timeline, events: [] })).toBe('');
});

describe('a judge', () => {
  const transcript = 'agent: Hello, this is Parley.\ncaller: what can you do';
  const verdict = (quote: string, points = 4) => `Here it is: ${JSON.stringify({ points, quote, reason: 'It is.' })}`;
  const rubric = { rubric: 'polite', min: 4 };

  test('is believed when its quote is in the transcript', () => {
    expect(readVerdict(verdict('this  is Parley'), rubric, transcript).check.ok).toBe(true);
    expect(readVerdict(verdict('this is Parley', 3), rubric, transcript).check.ok).toBe(false);
  });

  test.each([
    ['quotes what nobody said', verdict('I am rude')],
    ['quotes nothing', verdict('')],
    ['gives points that there are not', verdict('Parley', 9)],
    ['answers without JSON', 'A fine call.'],
  ])('is not believed when it %s', (_what, answer) => {
    expect(readVerdict(answer, rubric, transcript)).toMatchObject({ verdict: null, check: { ok: false } });
  });
});
