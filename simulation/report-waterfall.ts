import { escapeMarkup } from './escape-markup.ts';
import { eventsOf, type Timeline } from './timeline.ts';

/** Stages of an answer in their order, and what each is called on the page. */
const stages = [
  ['transcriptMs', 'transcript'],
  ['endOfTurnMs', 'end of turn'],
  ['requestMs', 'request'],
  ['firstTokenMs', 'first token'],
  ['firstAudioMs', 'first audio'],
  ['firstFrameMs', 'heard'],
] as const;

const colours = ['#9a6700', '#bf8700', '#0969da', '#54aeff', '#8250df', '#1a7f37'] as const;
const rowHeight = 18;
const labelWidth = 170;
const pictureWidth = 1_000;

/**
 * When each stage of each answered turn was reached, as a picture: a mark a stage, milliseconds from the end of what the caller
 * said. A reply that was begun ahead has marks left of that end.
 */
export function waterfallOf(timeline: Timeline): string {
  const reports = eventsOf(timeline, 'report').map(({ report }) => report);
  const offsets = reports.flatMap(({ waterfall }) => stages.flatMap(([stage]) => waterfall[stage] ?? []));
  if (!offsets.length) return '';
  const [fromMs, toMs] = [Math.min(0, ...offsets), Math.max(1, ...offsets)];
  const xOf = (ms: number) => labelWidth + ((ms - fromMs) / (toMs - fromMs)) * (pictureWidth - labelWidth - 10);
  const rows = reports.map(({ agent, waterfall }, index) => {
    const top = (index + 1) * rowHeight;
    const marks = stages.flatMap(([stage, label], at) => {
      const ms = waterfall[stage];
      if (ms === null) return [];
      const title = `<title>${label}: ${Math.round(ms)} ms</title>`;
      return [`<rect x="${xOf(ms).toFixed(1)}" y="${top}" width="5" height="12" fill="${colours[at]}">${title}</rect>`];
    });
    const last = Math.max(...stages.map(([stage]) => waterfall[stage] ?? 0));
    const line = `<rect x="${xOf(0).toFixed(1)}" y="${top + 5}" width="${(xOf(last) - xOf(0)).toFixed(1)}" height="2" fill="#d0d7de"/>`;
    const name = escapeMarkup(`${index + 1} ${agent}, ${Math.round(last)} ms`);
    return `<text x="0" y="${top + 10}">${name}</text>${line}${marks.join('')}`;
  });
  const legend = stages.map(
    ([, label], at) =>
      `<rect x="${labelWidth + at * 120}" y="2" width="5" height="10" fill="${colours[at]}"/><text x="${labelWidth + at * 120 + 9}" y="11">${label}</text>`,
  );
  const height = (reports.length + 1) * rowHeight + 4;
  return `<svg viewBox="0 0 ${pictureWidth} ${height}" role="img" aria-label="Stages of each answer">${legend.join('')}${rows.join('')}</svg>`;
}
