import { quantile } from '../scripts/table.ts';
import type { KeptState } from './caller-state.ts';
import type { Expectations } from './expectations.ts';
import { answerDelaysMs, longestSilenceMs, stopDelaysMs } from './measures.ts';
import { firstMissing, readPattern } from './pattern.ts';
import { agentLines, eventsOf, type Timeline } from './timeline.ts';

/** One thing that had to come of a call. */
export interface Check {
  /** The field of `expect`, or `answers`, `script` or `judge`. */
  name: string;
  ok: boolean;
  /** What was found, in a sentence. */
  detail: string;
}

/** A tool that the model called, with its arguments. */
export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

/** What a call has left behind. */
export interface Evidence {
  timeline: Timeline;
  state: KeptState;
  /** In order; undefined where the model is no stand-in, which alone tells them. */
  toolCalls: readonly ToolCall[] | undefined;
}

type Expected<Name extends keyof Expectations> = NonNullable<Expectations[Name]>;

/** One check for each field: whether it holds, and what was found. */
const rules: { [Name in keyof Expectations]-?: (expected: Expected<Name>, evidence: Evidence) => Omit<Check, 'name'> } =
  {
    agents: (expected, { timeline, state }) => {
      const reported = eventsOf(timeline, 'report').map(({ report }) => report.agent);
      const kept = state.turns.flatMap(({ speaker, agent }) => (speaker === 'agent' && agent ? [agent] : []));
      const reached = withoutRepeats(kept.length ? kept : reported);
      return { ok: isPartOf(expected, reached, Object.is), detail: `reached ${reached.join(', ') || 'none'}` };
    },
    tools: (expected, { toolCalls }) => {
      if (!toolCalls) return { ok: true, detail: 'not seen: the model is no stand-in' };
      const ok = isPartOf(expected, toolCalls, (wanted, call) => {
        const { name, input } = call;
        return wanted.name === name && holds(wanted.arguments ?? {}, input);
      });
      const calls = toolCalls.map(({ name, input }) => `${name}(${JSON.stringify(input)})`);
      return { ok, detail: `called ${calls.join(', ') || 'none'}` };
    },
    profile: ({ preferred_name: preferredName, goal, language }, { state }) => ({
      ok: holds({ preferredName, goal, language }, state.profile),
      detail: JSON.stringify(state.profile, ['preferredName', 'goal', 'language']),
    }),
    onboarding: ({ answers = {}, current_step: currentStep }, { state }) => {
      const { answers: kept, currentStep: current } = state.onboarding;
      const ok = holds(answers, kept) && (currentStep === undefined || currentStep === current);
      return { ok, detail: JSON.stringify({ answers: kept, current_step: current }) };
    },
    note: (expected, { state }) => inOrder(expected, state.note ?? ''),
    phrases: (expected, { timeline }) => inOrder(expected, agentLines(timeline).join('\n')),
    understood: (expected, { timeline }) =>
      inOrder(
        expected,
        eventsOf(timeline, 'understood')
          .map(({ text }) => text)
          .join('\n'),
      ),
    forbidden: (expected, { timeline }) => {
      const said = agentLines(timeline).join('\n');
      const found = expected.filter((source) => readPattern(source).endIn(said, 0) !== undefined);
      return { ok: !found.length, detail: found.length ? `was said: ${found.join(', ')}` : 'nothing of it was said' };
    },
    latency: ({ p50_ms: p50Ms = Infinity, max_ms: maxMs = Infinity }, { timeline }) => {
      const delaysMs = answerDelaysMs(timeline);
      if (!delaysMs.length) return { ok: false, detail: 'there was no answer to measure' };
      const [p50, max] = [quantile(delaysMs, 0.5), Math.max(...delaysMs)];
      return { ok: p50 <= p50Ms && max <= maxMs, detail: `p50 ${Math.round(p50)} ms, max ${Math.round(max)} ms` };
    },
    max_turns: (expected, { timeline }) => {
      const turns = eventsOf(timeline, 'report').length;
      return { ok: turns <= expected, detail: `${turns} turns were answered` };
    },
    max_silence_ms: (expected, { timeline }) => {
      const silentMs = longestSilenceMs(timeline);
      return { ok: silentMs <= expected, detail: `nobody was heard for ${Math.round(silentMs)} ms` };
    },
    interruptions: (expected, { timeline }) => {
      const cut = eventsOf(timeline, 'report').filter(({ report }) => report.interrupted).length;
      return { ok: cut === expected, detail: `${cut} answers were cut short` };
    },
    stops_within_ms: (expected, { timeline }) => {
      const delaysMs = stopDelaysMs(timeline);
      const max = Math.max(...delaysMs);
      if (!delaysMs.length) return { ok: false, detail: 'nobody spoke over an agent' };
      return { ok: max <= expected, detail: `went on for ${Math.round(max)} ms` };
    },
    recoveries: (expected, { timeline }) => {
      const told = eventsOf(timeline, 'recovery').map(({ recovery }) => recovery);
      const missing = expected.filter((wanted) => !told.some((each) => holds(wanted, each)));
      const names = told.map(({ kind, port }) => (port ? `${kind} of ${port}` : kind));
      return { ok: !missing.length, detail: `was told ${names.join(', ') || 'nothing'}` };
    },
  };

/** Every check of a scenario, and two of every call: the script ran to its end, and everything awaited was answered. */
export function checkCall(expectations: Expectations, evidence: Evidence): Check[] {
  const stuck = eventsOf(evidence.timeline, 'stuck');
  const unanswered = stuck.filter(({ message }) => /^there was no answer/.test(message));
  const others = stuck.filter((event) => !unanswered.includes(event));
  const messages = (events: typeof stuck) => events.map(({ message }) => message).join('; ');
  return [
    { name: 'script', ok: !others.length, detail: messages(others) || 'ran to its end' },
    { name: 'answers', ok: !unanswered.length, detail: messages(unanswered) || 'came wherever they were waited for' },
    ...(Object.keys(rules) as (keyof Expectations)[]).flatMap((name) => {
      const expected = expectations[name];
      if (expected === undefined) return [];
      const rule = rules[name] as (expected: unknown, evidence: Evidence) => Omit<Check, 'name'>;
      return [{ name, ...rule(expected, evidence) }];
    }),
  ];
}

function inOrder(expected: readonly string[], text: string): Omit<Check, 'name'> {
  const missing = firstMissing(text, expected);
  const found = text ? `in: ${text.replace(/\n/g, ' | ')}` : 'in nothing at all';
  return {
    ok: missing === undefined,
    detail: missing === undefined ? 'all of it, in order' : `lacks ${missing} ${found}`,
  };
}

/** Whether all of the wanted occur among the found, in their order. */
function isPartOf<Wanted, Found>(
  wanted: readonly Wanted[],
  found: readonly Found[],
  matches: (wanted: Wanted, found: Found) => boolean,
): boolean {
  let at = 0;
  for (const each of found) {
    const next = wanted[at];
    if (at < wanted.length && matches(next as Wanted, each)) at += 1;
  }
  return at === wanted.length;
}

/** Whether each wanted field has its value; one that is undefined does not matter, and of two texts the case does not. */
function holds(wanted: Readonly<Record<string, unknown>>, found: object): boolean {
  const values = new Map(Object.entries(found));
  return Object.entries(wanted).every(
    ([name, value]) => value === undefined || folded(values.get(name)) === folded(value),
  );
}

function folded(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').toLowerCase();
}

function withoutRepeats(names: readonly string[]): string[] {
  return names.filter((name, index) => name !== names[index - 1]);
}
