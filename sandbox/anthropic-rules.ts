import { callColleague, tellRecords, useRecords } from './anthropic-colleagues.ts';
import { answerProposal, tellMemory, useMemory } from './anthropic-memory.ts';
import { answerOnboarding, answerSavedStep, answerSkippedStep, hesitation } from './anthropic-onboarding.ts';
import { tellReminders, useReminders } from './anthropic-reminders.ts';
import {
  type Conversation,
  call,
  parseResult,
  patience,
  type Reply,
  readCutOff,
  readSituation,
  type Situation,
  say,
} from './anthropic-situation.ts';
import { sumUpConversation } from './anthropic-summary.ts';

type Rule = (situation: Situation) => Reply | undefined;

const longStory =
  'Once upon a time, in a small harbour town, there lived a clockmaker who had never been late. Every morning she walked along the ' +
  'quay, counted the boats, and set the church clock by the sound of the first bell. One day the bell stayed silent, and the whole ' +
  'town forgot when to have breakfast. The clockmaker climbed the tower, found a family of swallows asleep inside the bell, and ' +
  'decided to let them be. For three weeks she rang the hours herself with a wooden spoon and a copper pan. When the swallows ' +
  'finally flew south, the bell rang again, but the people missed the pan, and every first of May they still ring it at noon.';

/** First match wins. */
const rules: readonly Rule[] = [
  ({ instruction }) => when(instruction, () => say(instruction)),
  answerSavedStep,
  answerSkippedStep,
  ({ results }) => {
    const profile = results.find(({ name }) => name === 'get_profile');
    return profile && say(describeProfile(profile.content));
  },
  tellRecords,
  tellMemory,
  tellReminders,
  ({ results }) => when(results.length, () => say('Done.')),
  ({ speech }) =>
    when(speech === '[no speech recogniser configured]', () =>
      say('I can hear that you are speaking, but no speech recogniser is configured. You can type to me instead.'),
    ),
  callNamedTools,
  answerOnboarding,
  answerProposal,
  useMemory,
  ({ speech, tools }) =>
    when(/what do you (?:know|remember)|what have you saved/i.test(speech) && tools.has('get_profile'), () =>
      call('get_profile'),
    ),
  callColleague,
  useRecords,
  useReminders,
  ({ speech }) => when(hesitation.test(speech), () => say(patience)),
  ({ speech }) =>
    when(/what can you do/i.test(speech), () =>
      say(
        'I can talk with you and remember what matters to you. I can also set up your profile, one question at a time.',
      ),
    ),
  ({ speech }) => when(/long story/i.test(speech), () => say(longStory)),
  ({ speech }) =>
    when(/\b(?:element|tand|kies)\b/i.test(speech) && /\b\d{2}\b/.test(speech), () =>
      say(`Genoteerd: ${withoutFullStop(speech)}.`),
    ),
  ({ speech }) => when(speech, () => say(`I heard: ${withoutFullStop(speech)}.`)),
];

/**
 * Decides what the model answers, from the request's tools and history alone; the system prompt has no say. It knows what any
 * client of the API may know: names and descriptions of tools, and what was said.
 */
export function decideReply(request: Conversation): Reply {
  const summary = sumUpConversation(request);
  if (summary) return summary;
  const cutOff = readCutOff(request);
  if (cutOff) {
    const whole = decideReply(cutOff.conversation);
    const said = cutOff.words.trim();
    return whole.text.startsWith(said) ? { ...whole, text: whole.text.slice(said.length).trimStart() } : whole;
  }
  const situation = readSituation(request);
  let reply = say('Hello, how can I help you?');
  for (const rule of rules) {
    const answer = rule(situation);
    if (!answer) continue;
    reply = answer;
    break;
  }
  return obeyToolChoice(reply, request);
}

function when(condition: unknown, reply: () => Reply): Reply | undefined {
  return condition ? reply() : undefined;
}

/** `use the tools one and two` calls both at once; names that are not offered are ignored. */
function callNamedTools({ speech, tools }: Situation): Reply | undefined {
  const named = /^use the tools? (.+?)\.?$/i.exec(speech)?.[1] ?? '';
  const names = named.split(/,\s*(?:and\s+)?|\s+and\s+/).filter((name) => tools.has(name));
  return when(names.length, () => ({ text: '', toolCalls: names.map((name) => ({ name, input: {} })) }));
}

function obeyToolChoice(reply: Reply, { tool_choice: choice, tools = [] }: Conversation): Reply {
  if (!choice || choice.type === 'none') return reply;
  let { text, toolCalls } = reply;
  if (choice.type === 'tool') toolCalls = toolCalls.filter(({ name }) => name === choice.name);
  const forced = choice.type === 'tool' ? choice.name : choice.type === 'any' ? tools[0]?.name : undefined;
  if (forced && !toolCalls.length) ({ text, toolCalls } = call(forced));
  return { text, toolCalls: choice.disable_parallel_tool_use ? toolCalls.slice(0, 1) : toolCalls };
}

const languageNames: Record<string, string> = { en: 'English', nl: 'Dutch' };

function describeProfile(content: string): string {
  const profile = parseResult(content) ?? {};
  const phrases: [unknown, (value: string) => string][] = [
    [profile.preferredName, (value) => `your name is ${value}`],
    [profile.goal, (value) => `your goal is: ${value}`],
    [profile.language, (value) => `your language is ${languageNames[value] ?? value}`],
  ];
  const facts = phrases.flatMap(([value, phrase]) => (typeof value === 'string' && value ? [phrase(value)] : []));
  const last = facts.pop();
  if (!last) return 'I do not know anything about you yet.';
  return `I know that ${facts.length ? `${facts.join(', ')} and ` : ''}${last}.`;
}

function withoutFullStop(text: string): string {
  return text.replace(/\.$/, '');
}
