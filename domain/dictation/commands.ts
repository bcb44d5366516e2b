import { fold } from '../normalization/tokens.ts';
import {
  answers,
  belonging,
  type CommandPhrase,
  commandPhrases,
  type DictationCommand,
  fillers,
  goingOn,
  governing,
  leadingIn,
} from './command-phrases.ts';

/** A part of what was said: words to be noted, exactly as they were heard, or a command. */
export type DictationPiece = { kind: 'text'; text: string } | { kind: 'command'; command: DictationCommand };

/** A word of an utterance with its place in it. */
interface Word {
  /** Without case and diacritics. */
  key: string;
  start: number;
  end: number;
  /** It is the first one, or a mark or a pause sets it off from the word before. */
  beginsClause: boolean;
}

/** A phrase over the words `from` up to but not including `to`. */
interface FoundPhrase {
  from: number;
  to: number;
  phrase: CommandPhrase;
}

/** A word or number: `don't`, `2.6`. */
const wordPattern = /[\p{L}\p{M}\p{N}]+(?:(?:['’]|(?<=\p{N})[.,](?=\p{N}))[\p{L}\p{M}\p{N}]+)*/gu;
const settingOff = /[.,;:!?…–—\n]|\s-\s/u;
/** Marks between a text and the command behind it; a full stop is the text's own. */
const marksAtEnd = /[\s,;:–—-]/u;
const marksAtStart = /^[\s.,;:!?…–—-]+/u;

/** What is said as a command alone has no more words, with its fillers. */
const longestUtterance = 8;

const phrasesByWord = new Map<string, CommandPhrase[]>();
for (const phrase of commandPhrases) {
  const [first = ''] = phrase.words;
  phrasesByWord.set(first, [...(phrasesByWord.get(first) ?? []), phrase]);
}

/**
 * Splits what was said in one go into what is to be noted and commands, Dutch and English, in their order. It works on the
 * transcript as it was heard, before normalization, and doesn't mind case, diacritics and marks. The marks and filler words
 * around a command go with it; all other text stays as it is.
 */
export function splitCommands(utterance: string): DictationPiece[] {
  const words = wordsOf(utterance);
  const pieces: DictationPiece[] = [];
  let done: FoundPhrase | undefined;
  for (const found of [...commandsIn(words), undefined]) {
    const between = words.slice(done?.to ?? 0, found?.from);
    const text = utterance.slice(done && words[done.to - 1]?.end, found && words[found.from]?.start);
    if (!isPartOf(between, done, found)) pieces.push(...textPiece(text, done, found));
    if (found) pieces.push({ kind: 'command', command: found.phrase.command });
    done = found;
  }
  return pieces;
}

function wordsOf(utterance: string): Word[] {
  let end = 0;
  return Array.from(utterance.matchAll(wordPattern), ({ 0: text, index: start }) => {
    const beginsClause = end === 0 || settingOff.test(utterance.slice(end, start));
    end = start + text.length;
    return { key: fold(text).replace('’', "'"), start, end, beginsClause };
  });
}

/** The words of a clause so far; behind a command something new begins. */
interface Clause {
  /** Nothing but fillers. */
  isOpen: boolean;
  /** One of them makes what follows part of a sentence. */
  isGoverned: boolean;
  last: string;
}

const newClause: Clause = { isOpen: true, isGoverned: false, last: '' };

function commandsIn(words: readonly Word[]): FoundPhrase[] {
  const found: FoundPhrase[] = [];
  let clause = newClause;
  let index = 0;
  for (let word = words[index]; word; word = words[index]) {
    const before: Clause = word.beginsClause ? newClause : clause;
    const command = phrasesAt(words, index).find((each) => isCommand(words, each, before));
    if (command) found.push(command);
    clause = command ? newClause : withWord(before, word);
    index = command?.to ?? index + 1;
  }
  return found;
}

function withWord({ isOpen, isGoverned }: Clause, word: Word): Clause {
  return { isOpen: isOpen && isFiller(word), isGoverned: isGoverned || governing.has(word.key), last: word.key };
}

/** The phrases that begin at a word, the longest first, whether they are commands there or not. */
function phrasesAt(words: readonly Word[], from: number): FoundPhrase[] {
  const phrases = phrasesByWord.get(words[from]?.key ?? '') ?? [];
  return phrases
    .filter((phrase) =>
      phrase.words.every((key, offset) => {
        const word = words[from + offset];
        return word?.key === key && (offset === 0 || !word.beginsClause);
      }),
    )
    .map((phrase) => ({ from, to: from + phrase.words.length, phrase }));
}

function isCommand(words: readonly Word[], { to, phrase }: FoundPhrase, before: Clause): boolean {
  const next = words[to]?.beginsClause ? undefined : words[to];
  const begins = before.isOpen;
  const ends = endsClause(words, to);
  const isLedIn = leadingIn.has(before.last);
  const closes = ends && (begins || (!isLedIn && !before.isGoverned));
  switch (phrase.place) {
    case 'anywhere':
      return !isLedIn && !belonging.has(next?.key ?? '');
    case 'edge':
      return closes || (begins && !goingOn.has(next?.key ?? ''));
    case 'end':
      return closes;
    case 'clause':
      return begins && ends;
    case 'utterance':
      return (
        words.length <= longestUtterance && words.every((word) => isFiller(word) || phrase.words.includes(word.key))
      );
  }
}

/** Whether nothing but fillers stands between a word and the end of its clause, or the next phrase. */
function endsClause(words: readonly Word[], from: number): boolean {
  let index = from;
  while (index < words.length && !words[index]?.beginsClause && phrasesAt(words, index).length === 0) {
    if (!isFiller(words[index] as Word)) return false;
    index += 1;
  }
  return true;
}

function isFiller({ key }: Word): boolean {
  return fillers.has(key);
}

/** Whether words are no more than what people say around commands; an answer at a break is one to a question of the note. */
function isPartOf(between: readonly Word[], ...commands: (FoundPhrase | undefined)[]): boolean {
  const isBreak = commands.every((each) => each === undefined || each.phrase.place === 'anywhere');
  const isAnswer = isBreak && between.some(({ key }) => answers.has(key));
  return commands.some(Boolean) && between.every(isFiller) && !isAnswer;
}

function textPiece(text: string, before: FoundPhrase | undefined, behind: FoundPhrase | undefined): DictationPiece[] {
  const begun = before ? text.replace(marksAtStart, '') : text.trimStart();
  let end = begun.length;
  while (behind && end > 0 && marksAtEnd.test(begun.charAt(end - 1))) end -= 1;
  const trimmed = begun.slice(0, end).trimEnd();
  return trimmed === '' ? [] : [{ kind: 'text', text: trimmed }];
}
