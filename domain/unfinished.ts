import { languages } from './profile.ts';

type Language = (typeof languages)[number];

/**
 * Words after which a sentence goes on: articles, prepositions, conjunctions, possessives, auxiliaries and sounds of thinking.
 * A turn may end with one all the same ("what is it for"); it is then only waited for a little longer.
 */
const openWords: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: words(`
    a an the this these those my your his her its our their some any every each no
    of to in on at by for from with without about into onto over under between through during before after since until as than
    and or but so because if when while although though unless whether that which who whose where how why what
    is am are was were be been being do does did have has had will would can could shall should may might must
    i i'm i'd i'll i've you you're we we're they they're he he's she she's it's there's let's
    very really quite just also not even only more most much too like want need
    um uh er erm hmm well okay so actually basically maybe perhaps
  `),
  nl: words(`
    een de het dit deze die dat mijn jouw uw zijn haar ons onze hun geen elk elke ieder iedere sommige
    van naar in op aan bij voor uit met zonder over onder tussen door tijdens tot sinds als dan tegen om te
    en of maar dus want omdat doordat hoewel terwijl wanneer toen tenzij waar wie wat welke hoe waarom
    is ben bent was waren wordt worden werd doe doet heb hebt heeft had hebben zal zullen zou kan kun kunnen kon mag moet moeten wil
    ik jij je u hij zij ze wij we er
    heel erg best gewoon ook niet nog alleen meer meest veel graag
    eh ehm uh uhm nou ja even eigenlijk misschien
  `),
};

/** Of these, words that end a question or an answer as often as not, when something stands before them. */
const closing: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: words(
    'this these those that it no not too more most much maybe perhaps do does did am are is was can have will well okay what why how who where when so about',
  ),
  nl: words(
    'dit deze die dat geen niet ook meer veel graag is ben bent kan mag moet wil ja even misschien wat waarom hoe wie waar',
  ),
};

/** Fewest words of a turn whose last one may be of the closing kind. */
const closingFromWords = 3;

/**
 * Whether words heard so far look like the middle of a sentence, by their last word alone: what a person who thinks leaves
 * hanging. Unknown languages are never unfinished.
 * @param language BCP 47 tag; when it is empty or unknown, both languages that are known are tried
 */
export function looksUnfinished(text: string, language: string): boolean {
  const trimmed = text.trim().toLowerCase();
  // A recogniser that punctuates ends a sentence itself; a comma or a dash leaves it open.
  if (/[.!?]["'”’)]*$/.test(trimmed) && !/(?:\.\.\.|…)["'”’)]*$/.test(trimmed)) return false;
  if (/(?:[,;:–—-]|\.\.\.|…)$/.test(trimmed)) return true;
  const spoken = trimmed.split(/\s+/).map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}']+$/gu, ''));
  const last = spoken.at(-1) ?? '';
  const subtag = language.split('-')[0] ?? '';
  const known = languages.filter((each) => each === subtag);
  if (!known.length && subtag && subtag !== 'und' && subtag !== 'multi') return false;
  return (known.length ? known : languages).some(
    (each) => openWords[each].has(last) && !(spoken.length >= closingFromWords && closing[each].has(last)),
  );
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
