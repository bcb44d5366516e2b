import { type OnboardingStepId, onboardingStep } from './onboarding-steps.ts';

/**
 * What somebody meant who was asked a question of the onboarding. `correction` is of the answer before, which was read back;
 * `refused` an answer that the step does not take; `question` something only a model could answer.
 */
export type RuleReading =
  | { kind: 'answer' | 'correction'; answer: string }
  | { kind: 'skip' | 'back' | 'stop' | 'repeat' | 'wait' | 'question' | 'refused' };

const please = /(?:,? (?:please|alstublieft|graag|dank u|thank you|thanks))+$/i;
const hesitation = /^(?:(?:um+|uh+|er+|oh|well|okay|ok|so|sorry|hmm|ehm?|nou|tja)[,.]? )+/i;

/** Whole utterances that are no answers, without what is polite around them, in English and Dutch. */
const commands: readonly (readonly [RuleReading & { kind: 'skip' | 'back' | 'stop' | 'repeat' | 'wait' }, RegExp])[] = [
  [
    { kind: 'skip' },
    /^(?:(?:please |let's |let us |can we |i want to |i'd like to |i would like to )*(?:skip|pass)(?: (?:it|that|this|this one|the question|this question))?|next(?: question)?|(?:i'd |i would )?rather not(?: say)?|(?:ik wil (?:dit|deze|die) )?overslaan|sla (?:dit|deze|die|hem|het|deze vraag|die vraag)(?: maar)? over|volgende(?: vraag)?|(?:dat zeg ik |dat wil ik )?liever niet(?: zeggen)?)$/i,
  ],
  [
    { kind: 'back' },
    /^(?:(?:can we |please |let's )?(?:go )?back|(?:the )?(?:previous|last)(?: question| one)?|(?:ga |even )?terug|(?:de )?vorige(?: vraag)?)$/i,
  ],
  [
    { kind: 'stop' },
    /^(?:(?:let's |i want to |please )?(?:stop|quit|cancel)(?: here| now| it)?|(?:not now|later|another time|enough|that's enough|never ?mind)|(?:ik wil )?(?:stoppen|ophouden)|(?:niet nu|later|een andere keer|genoeg|laat maar|hou maar op))$/i,
  ],
  [
    { kind: 'repeat' },
    /^(?:(?:can you |could you |please )?(?:repeat(?: that| it| the question)?|say (?:that|it) again)|pardon|sorry|hello|hi|are you (?:still )?there|what|once more|what did you say|what was (?:that|the question)|(?:kunt u dat )?herhalen|herhaal(?: dat| de vraag)?|nog een keer|hallo|bent u er(?: nog)?|wat|wat zegt u|wat zei u|wat was de vraag)$/i,
  ],
  [
    { kind: 'wait' },
    /^(?:(?:please )?(?:hold on|wait|hang on)|(?:(?:just )?(?:one|a) (?:moment|second|minute))|let me think|wacht(?: even)?|(?:even |een )?(?:momentje|ogenblikje|moment)|even (?:wachten|nadenken))\b.{0,24}$/i,
  ],
];

const question =
  /^(?:what|who|why|when|where|which|how|can you|could you|do you|are you|is (?:this|that|it)|wat|wie|waarom|wanneer|waar|welke|hoe|kunt u|kun je|bent u|is (?:dit|dat|het)) \S/i;

/** What people put before the answer itself. */
const leadIn =
  /^(?:(?:well|okay|ok|so|yes|yeah|sure|hi|hello|um+|uh+|nou|goed|ja|hallo|dag)[,.]? (?=\S+ \S)|(?:you can |you may |please |just )*call me |(?:my (?:name|goal|address|email|e-mail|e-mail address|email address) is|my name's|the goal is|i am|i'm|it is|it's|that is|that's) |(?:i want|i would like|i'd like|i would love)(?: to use (?:it|this|them) (?:for|to))? (?:to )?|(?:i speak|let us speak|let's speak|speak|in) |(?:u kunt|u mag|je mag|je kunt|noem|zeg)(?: me| mij)?(?: maar)? (?=\S)|(?:ik heet|ik ben|mijn (?:naam|doel|adres|e-mailadres) is|het is|dat is) |ik (?:wil|zou)(?: graag)? |(?:ik spreek|laten we|liever|graag) )/i;
const tail = /(?: noemen| zeggen| spreken)$/i;

const corrected =
  /^(?:no|nee)[,.]? (?:(?:it'?s|it is|that'?s|i said|i meant|my name is|call me|het is|ik zei|ik bedoel(?:de)?|ik heet|mijn naam is) )(\S.*)$/i;

/** More words than this are a sentence, and no name. */
const longestNameWords = 5;

/**
 * Reads what somebody said to the question of a step without a model: simple lead-ins are cut, and the step's own validator
 * decides. Both languages are understood, whichever is spoken.
 * @param canCorrect whether an answer was read back that could be corrected
 */
export function readByRule(step: OnboardingStepId, words: string, canCorrect = false): RuleReading {
  const said = words.trim().replace(/\s+/g, ' ');
  const bare = withoutPoliteness(said);
  const command = commands.find(([, pattern]) => pattern.test(bare));
  if (command) return command[0];
  const correction = canCorrect ? corrected.exec(bare)?.[1] : undefined;
  if (correction) return { kind: 'correction', answer: joinedLetters(correction) };
  if (said.endsWith('?') || question.test(bare)) return { kind: 'question' };
  const { answer: schema, readBack: way } = onboardingStep(step);
  // A choice is recognised by its first word, which may look like a lead-in.
  for (const text of [bare, answerIn(bare)].toReversed()) {
    const answer = way === 'letters' ? joinedLetters(text) : text;
    if (way === 'letters' && answer.split(' ').length > longestNameWords) continue;
    if (schema.safeParse(answer).success) return { kind: 'answer', answer };
  }
  return { kind: 'refused' };
}

function withoutPoliteness(said: string): string {
  return said
    .replace(hesitation, '')
    .replace(/[.!?,\s]+$/, '')
    .replace(please, '')
    .replace(/[.!?,\s]+$/, '');
}

function answerIn(bare: string): string {
  let answer = bare;
  let isCut = false;
  while (leadIn.test(answer)) {
    const rest = answer.replace(leadIn, '');
    if (!rest) break;
    answer = rest;
    isCut = true;
  }
  return isCut ? answer.replace(tail, '') || answer : answer;
}

/** `R O B I N`, as a recogniser writes what is spelled, is the word Robin. */
function joinedLetters(text: string): string {
  if (!/^\p{L}(?:[\s.,-]+\p{L}){1,}\.?$/u.test(text)) return text;
  const letters = text.replace(/[\s.,-]+/g, '').toLowerCase();
  return letters.charAt(0).toUpperCase() + letters.slice(1);
}
