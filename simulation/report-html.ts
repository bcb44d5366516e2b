import { escapeMarkup } from './escape-markup.ts';
import { waterfallOf } from './report-waterfall.ts';
import type { ScenarioResult } from './run-scenario.ts';
import { beginOf, eventsOf, type Span, type Timeline, type TimelineEvent } from './timeline.ts';

const style = `body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
section{border-top:1px solid #d0d7de;margin-top:2rem}
.passed{color:#116329}.failed,.error{color:#a40e26}
table{border-collapse:collapse}td,th{padding:.15rem .6rem;text-align:left;vertical-align:top}
svg{width:100%;height:auto;background:#f6f8fa;border-radius:4px}
.caller{fill:#0969da}.agent{fill:#8250df}.waited{fill:#d0d7de}text{font-size:11px}
.time{color:#59636e;font-variant-numeric:tabular-nums;white-space:nowrap}`;

/** Rows of the audio: who, and how far down. */
const rowHeight = 28;
const pictureWidth = 1_000;

/** Results as one page that needs nothing else: no script, no other file. */
export function htmlOf(results: readonly ScenarioResult[]): string {
  const passed = results.filter(({ outcome }) => outcome === 'passed').length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated calls</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${style}</style></head><body>
<h1>Simulated calls</h1><p>${passed} of ${results.length} scenarios passed.</p>
${results.map(sectionOf).join('\n')}
</body></html>
`;
}

function sectionOf({ name, description, outcome, message, planted, checks, timeline }: ScenarioResult): string {
  const rows = checks.map(({ name: check, ok, detail }) => [
    `<span class="${ok ? 'passed' : 'failed'}">${ok ? 'held' : 'failed'}</span>`,
    escapeMarkup(check),
    escapeMarkup(detail),
  ]);
  const fault = planted ? `<p>Planted: <code>${escapeMarkup(planted)}</code></p>` : '';
  const problem = message ? `<p class="failed">${escapeMarkup(message)}</p>` : '';
  return `<section><h2>${escapeMarkup(name)}: <span class="${outcome}">${outcome}</span></h2>
<p>${escapeMarkup(description)}</p>${fault}${problem}${tableOf([], rows)}
${timeline ? `${pictureOf(timeline)}${transcriptTable(timeline)}${waterfallOf(timeline)}` : ''}</section>`;
}

/** Who was heard when. */
function pictureOf(timeline: Timeline): string {
  const spoken = eventsOf(timeline, 'spoken');
  const waited = eventsOf(timeline, 'waited');
  const lengthMs = Math.max(1, ...timeline.events.map(beginOf), ...timeline.heard.map(({ toMs }) => toMs));
  const bar = (row: number, kind: string) => (span: Span) => {
    const x = (span.fromMs / lengthMs) * pictureWidth;
    const width = Math.max(1, ((span.toMs - span.fromMs) / lengthMs) * pictureWidth);
    return `<rect class="${kind}" x="${x.toFixed(1)}" y="${row * rowHeight + 14}" width="${width.toFixed(1)}" height="10"><title>${timeOf(span.fromMs)} to ${timeOf(span.toMs)}</title></rect>`;
  };
  const labels = ['caller', 'agent', 'script waits'].map(
    (text, row) => `<text x="0" y="${row * rowHeight + 11}">${text}</text>`,
  );
  return `<svg viewBox="0 0 ${pictureWidth} ${3 * rowHeight}" role="img" aria-label="Who was heard when">
${[...labels, ...spoken.map(bar(0, 'caller')), ...timeline.heard.map(bar(1, 'agent')), ...waited.map(bar(2, 'waited'))].join('')}</svg>`;
}

function transcriptTable(timeline: Timeline): string {
  const rows = [...timeline.events]
    .sort((one, other) => beginOf(one) - beginOf(other))
    .flatMap((event) => {
      const told = toldOf(event);
      return told ? [[`<span class="time">${timeOf(beginOf(event))}</span>`, ...told.map(escapeMarkup)]] : [];
    });
  return tableOf(['time', 'who', 'what'], rows);
}

function toldOf(event: TimelineEvent): [who: string, what: string] | undefined {
  switch (event.type) {
    case 'spoken':
      return [event.interrupts ? 'caller, over the agent' : 'caller', event.text];
    case 'typed':
      return ['caller, typing', event.text];
    case 'shown':
      return ['agent', event.text];
    case 'understood':
      return event.raw === event.text ? undefined : ['understood', `${event.raw} -> ${event.text}`];
    case 'recovery':
      return ['recovery', Object.values(event.recovery).filter(Boolean).join(', ')];
    case 'network':
      return ['network', `${event.dropped} packets lost of ${event.forwarded + event.dropped}`];
    case 'stuck':
      return ['script', event.message];
    case 'note':
      return ['note', 'was changed'];
    default:
      return undefined;
  }
}

/** Cells are markup. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: 'td' | 'th') => (cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>${head.length ? line('th')(head) : ''}${rows.map(line('td')).join('\n')}</table>`;
}

function timeOf(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
