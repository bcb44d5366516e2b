import { call, parseResult, type Reply, type Situation, say } from './anthropic-situation.ts';

/** Words by which somebody asks for a colleague, and the tool that hands them over where it is offered. */
const colleagues: readonly (readonly [asked: RegExp, tool: string])[] = [
  [/\b(?:dictaat|dicteren|dictate|dictation)\b/i, 'start_dictation'],
  [/set up|sign me up|get started|onboarding|my profile/i, 'start_onboarding'],
  [/\bspeaking (?:coach|practice)\b|\bpractise speaking\b|\bspreekoefening\b/i, 'start_oracy'],
  [/\blook back\b|\bhow did i do\b|\bterugkijken\b/i, 'start_scout'],
  [/\bcompanion\b|\bkeep something for me\b/i, 'start_companion'],
  [/\bback to the (?:concierge|beginning)\b|\bi am done here\b/i, 'return_to_concierge'],
];

/** Hands somebody over who asks for it. */
export function callColleague({ speech, tools }: Situation): Reply | undefined {
  const [, tool] = colleagues.find(([asked, name]) => asked.test(speech) && tools.has(name)) ?? [];
  return tool ? call(tool) : undefined;
}

/** Keeps what somebody asks to be kept, forgets it, and tells what is kept; reads a session that is asked about. */
export function useRecords({ speech, tools }: Situation): Reply | undefined {
  const kept = /^(?:please )?keep that (.+?)\.?$/i.exec(speech)?.[1];
  if (kept && tools.has('set_preference')) return call('set_preference', { name: 'wish', value: kept });
  if (/^(?:please )?forget (?:it|that)\b/i.test(speech) && tools.has('set_preference')) {
    return call('set_preference', { name: 'wish', value: null });
  }
  if (/what do you keep/i.test(speech) && tools.has('get_preferences')) return call('get_preferences');
  if (/what (?:did i say|was said)/i.test(speech) && tools.has('read_session')) return call('read_session');
  return undefined;
}

/** What is said once the records have answered. */
export function tellRecords({ results }: Situation): Reply | undefined {
  const result = results.find(({ name }) => ['set_preference', 'get_preferences', 'read_session'].includes(name));
  if (!result) return undefined;
  if (result.isError) return say(`I am sorry, that did not work: ${result.content}`);
  if (result.name === 'set_preference') {
    return say(result.input.value === null ? 'I have forgotten it.' : `I will keep that ${result.input.value}.`);
  }
  if (result.name === 'get_preferences') {
    const wishes = Object.values(parseResult(result.content) ?? {});
    return say(wishes.length ? `I keep that ${wishes.join(', and that ')}.` : 'I keep nothing about you.');
  }
  const words = Object.values(parseResult(result.content) ?? {}).flatMap((turn) =>
    typeof turn === 'object' && turn && 'text' in turn && 'speaker' in turn && turn.speaker === 'user'
      ? [turn.text]
      : [],
  );
  return say(words.length ? `The first thing you said was: ${words[0]}` : 'Nothing was said yet.');
}
