import { type OnboardingStepId, onboardingStep } from './onboarding-steps.ts';
import type { languages } from './profile.ts';

type Language = (typeof languages)[number];

interface SpellingLanguage {
  digits: readonly string[];
  /** Marks by the character. */
  marks: Readonly<Record<string, string>>;
  /** What is said behind a letter with this combining mark; `accent` behind one with any other. */
  accents: Readonly<Record<string, string>>;
  accent: string;
  /** Between the words of a name that was spelled. */
  between: string;
  /** Before a part of an address that is spelled, and before its letters. */
  with: string;
  spelled: string;
  and: string;
}

const spelling: Record<Language, SpellingLanguage> = {
  en: {
    digits: ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
    marks: { '-': 'hyphen', "'": 'apostrophe', '’': 'apostrophe', '.': 'dot', _: 'underscore', '@': 'at', '+': 'plus' },
    accents: { '\u0300': 'grave', '\u0301': 'acute', '\u0302': 'circumflex', '\u0308': 'with two dots' },
    accent: 'with an accent',
    between: 'then',
    with: 'with',
    spelled: 'spelled',
    and: 'and',
  },
  nl: {
    digits: ['nul', 'een', 'twee', 'drie', 'vier', 'vijf', 'zes', 'zeven', 'acht', 'negen'],
    marks: {
      '-': 'streepje',
      "'": 'apostrof',
      '’': 'apostrof',
      '.': 'punt',
      _: 'underscore',
      '@': 'apenstaartje',
      '+': 'plus',
    },
    accents: {
      '\u0300': 'accent grave',
      '\u0301': 'accent aigu',
      '\u0302': 'accent circonflexe',
      '\u0308': 'met trema',
    },
    accent: 'met een accent',
    between: 'dan',
    with: 'met',
    spelled: 'gespeld als',
    and: 'en',
  },
};

/** A person listens to no more letters than this. */
const longestSpelling = 30;
/** What is before the first dot of hosts that everybody knows: nobody mishears them. */
const knownHosts = /^(?:gmail|googlemail|hotmail|outlook|live|icloud|yahoo|proton|protonmail|ziggo|kpnmail|xs4all)\./;

/**
 * What a voice says of an answer before it goes on, so that a misheard letter is noticed: names letter by letter, e-mail addresses
 * part by part with the letters of what is unusual in them, numbers digit by digit. Undefined for a step where nobody would miss it.
 * @param answer as it is stored
 */
export function readBack(step: OnboardingStepId, answer: string, language: Language): string | undefined {
  const way = onboardingStep(step).readBack;
  if (way === 'letters') return nameReadBack(answer, spelling[language]);
  if (way === 'address') return addressReadBack(answer, spelling[language]);
  return undefined;
}

function nameReadBack(name: string, language: SpellingLanguage): string {
  if (name.replace(/\s/g, '').length > longestSpelling) return `${name}.`;
  const words = name.split(/\s+/).map((word) => lettersOf(word, language));
  return `${name}, ${words.join(`, ${language.between} `)}.`;
}

function addressReadBack(address: string, language: SpellingLanguage): string {
  const [person = '', host = ''] = address.split('@');
  const spoken = wordsOf(address, language);
  const [label = ''] = host.split('.');
  const unusual = knownHosts.test(host) ? [person] : [person, label];
  const spelled = unusual
    .filter((part) => part.length <= longestSpelling)
    .map((part) => `${wordsOf(part, language)} ${language.spelled} ${lettersOf(part, language)}`);
  return spelled.length ? `${spoken}, ${language.with} ${spelled.join(`, ${language.and} `)}.` : `${spoken}.`;
}

/** A part of an address as it is said: its marks and digits in words. */
function wordsOf(part: string, language: SpellingLanguage): string {
  return (part.match(/[._@+-]|\d|[^._@+\-\d]+/g) ?? []).map((piece) => nameOf(piece, language)).join(' ');
}

function lettersOf(word: string, language: SpellingLanguage): string {
  // A letter and its accents are one, whichever way they are written.
  const letters = word.normalize('NFD').match(/\P{M}\p{M}*/gu) ?? [];
  return letters.map((letter) => letterName(letter, language)).join(', ');
}

function letterName(letter: string, language: SpellingLanguage): string {
  const [base = '', ...accents] = Array.from(letter);
  const said = accents.map((accent) => ` ${language.accents[accent] ?? language.accent}`).join('');
  return nameOf(base.toLocaleUpperCase(), language) + said;
}

/** A digit or a mark in words; anything else as it is. */
function nameOf(piece: string, { digits, marks }: SpellingLanguage): string {
  return (/^\d$/.test(piece) ? digits[Number(piece)] : marks[piece]) ?? piece;
}
