import { stringify } from 'yaml';
import type { KeptState } from './caller-state.ts';
import type { PlantedFaultName } from './planted-faults.ts';

/** Who stands in for everybody: what a person called themselves, and wanted, becomes this. */
const somebody = { name: 'Robin', goal: 'practise my presentations', email: 'robin@example.com' } as const;
/** From the range that is kept for fiction (NANP, 555-01XX). */
const phoneNumber = '+1 555 010 0123';

const emailAddress = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}/gu;
const phone = /(?<![\p{L}\p{N}])\+?\d[\d ()./-]{6,}\d/gu;
const number = /\d+/g;

/** What is known about the person of a session, and must not be in a scenario. */
export type Known = Pick<KeptState, 'profile' | 'onboarding'>;

/**
 * A text without what is personal in it: names and goals as profile and onboarding hold them, e-mail addresses, phone numbers, and
 * every number. Names of others stay: somebody has to read what is made of a session before it is kept.
 */
export function withoutPersonalData(text: string, { profile, onboarding }: Known): string {
  const names = [profile.preferredName, onboarding.answers.preferred_name];
  const goals = [profile.goal, onboarding.answers.goal];
  let scrubbed = text;
  for (const [values, replacement] of [
    [goals, somebody.goal],
    [names.flatMap((name) => [name, ...(name?.split(' ') ?? [])]), somebody.name],
  ] as const) {
    for (const value of values) if (value?.trim()) scrubbed = replaceWords(scrubbed, value.trim(), replacement);
  }
  // After what is known, which may hold them.
  return scrubbed
    .replace(emailAddress, somebody.email)
    .replace(phone, phoneNumber)
    .split(phoneNumber)
    .map((part) =>
      part.replace(number, (digits) => '1234567890'.repeat(Math.ceil(digits.length / 10)).slice(0, digits.length)),
    )
    .join(phoneNumber);
}

/** A scenario, as YAML, in which somebody types what was said in a session. Audio is not kept, so nothing is spoken. */
export function scenarioOf({ turns, ...known }: Pick<KeptState, 'turns' | 'profile' | 'onboarding'>): string {
  const agents = turns
    .flatMap(({ speaker, agent }) => (speaker === 'agent' && agent ? [agent] : []))
    .filter((name, index, all) => name !== all[index - 1]);
  const said = turns.filter(({ speaker, text }) => speaker === 'user' && text.trim());
  const isKnown = Boolean(known.profile.preferredName && turns[0]?.text.includes(known.profile.preferredName));
  const { fault, breaks, phrases } = plantFor(agents, isKnown);
  return stringify({
    name: 'from-session',
    description: 'A conversation that was held before goes the same way.',
    plant: { fault, breaks },
    modality: 'text',
    ...(agents[0] && agents[0] !== 'concierge' && { agent: agents[0] }),
    ...(isKnown && { profile: { preferred_name: somebody.name } }),
    script: said.map(({ text }) => ({ type: withoutPersonalData(text, known) })),
    expect: { ...(agents.length && { agents }), ...(phrases && { phrases }), max_turns: said.length },
  });
}

/** The fault that the conversation's own course can tell. */
function plantFor(
  agents: readonly string[],
  isKnown: boolean,
): { fault: PlantedFaultName; breaks: string; phrases?: string[] } {
  if (agents[0] === 'concierge' && agents.includes('onboarding')) return { fault: 'handoff-stays', breaks: 'agents' };
  if (agents[0] === 'onboarding') {
    return { fault: 'wrong-opening', breaks: 'phrases', phrases: ["/Let's set up your profile|Laten we uw profiel/"] };
  }
  if (isKnown) return { fault: 'greeting-forgets-the-name', breaks: 'phrases', phrases: [somebody.name] };
  return { fault: 'wrong-greeting', breaks: 'phrases', phrases: ['this is Parley'] };
}

function replaceWords(text: string, words: string, replacement: string): string {
  const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'giu'), replacement);
}
