import type { TextStage } from './speakable-markdown.ts';

/** What was read where a word begins: how it is said, and how much of the text that is. */
export interface Said {
  said: string;
  length: number;
}

/** How a language says what its voices get wrong. */
export interface SpeakableLanguage {
  /**
   * Reads notation at the beginning of a text that begins with a number, a currency or a phone number; undefined where there is
   * none. @param text ends behind the first word that is no number, or where the text or line does
   */
  number(text: string): Said | undefined;
  /** What an abbreviation is short for, of one in lower case. */
  abbreviations: ReadonlyMap<string, string>;
  /** Abbreviations whose point can be that of the sentence as well. */
  ending: ReadonlySet<string>;
  /** How the marks of an address are said. */
  marks: ReadonlyMap<string, string>;
}

const addressMarks = ['.', '/', '-', '_', '@', '+'] as const;
/** Numbers in a row that are read together: a phone number has no more groups. */
const longestRow = 8;
/** May stand right before or behind notation. U+2063 marks words that belong to no transcript. */
const opening = /^[("'\u201c\u2018[\u2063]+/;
const closing = /[.,;:!?)\]"'\u201d\u2019\u2026\u2063]*$/;
/** Endings by which a name without a scheme is known as a host; others are the end of a sentence without its space. */
const hostEndings = 'com|org|net|nl|be|de|fr|eu|uk|io|ai|dev|app|info|health|example';
const url = /^(?:https?:\/\/|www\.)[^\s]+$/i;
const host = new RegExp(`^(?:[a-z0-9-]+\\.)+(?:${hostEndings})(?:/[^\\s]*)?$`);
const mail = /^[a-z0-9._+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}$/i;

/** Says addresses, numbers and abbreviations in words; without a language it leaves of a web address its host. */
export class NotationStage implements TextStage {
  readonly #language: SpeakableLanguage | undefined;
  #text = '';
  #isWordStart = true;

  constructor(language: SpeakableLanguage | undefined) {
    this.#language = language;
  }

  write(piece: string): string {
    this.#text += piece;
    return this.#take(false);
  }

  end(): string {
    return this.#take(true);
  }

  #take(isEnd: boolean): string {
    let said = '';
    while (this.#text) {
      const taken = this.#next(isEnd);
      if (taken === undefined) break;
      this.#text = this.#text.slice(taken.length);
      said += taken.said;
    }
    return said;
  }

  /** What comes next; undefined while that depends on text that has not come. */
  #next(isEnd: boolean): Said | undefined {
    const [space = ''] = /^\s+/.exec(this.#text) ?? [];
    if (space) {
      this.#isWordStart = true;
      return { said: space, length: space.length };
    }
    const end = this.#text.search(/\s/);
    if (end < 0 && !isEnd) return undefined;
    const word = end < 0 ? this.#text : this.#text.slice(0, end);
    if (!this.#isWordStart) return { said: word, length: word.length };
    const reading = this.#read(word, isEnd);
    if (reading === 'unknown') return undefined;
    if (reading) {
      this.#isWordStart = false;
      return reading;
    }
    const [mark = ''] = opening.exec(word) ?? [];
    if (mark && mark !== word) return { said: mark, length: mark.length };
    return { said: word, length: word.length };
  }

  #read(word: string, isEnd: boolean): Said | 'unknown' | undefined {
    const bare = word.replace(closing, '');
    const address = this.#address(bare);
    if (address !== undefined) return { said: address, length: bare.length };
    if (!this.#language) return undefined;
    if (/^[-+(\u2212]*[0-9]|^[\u20ac$\u00a3]/.test(word)) {
      const row = rowOf(this.#text, isEnd);
      return row === undefined ? 'unknown' : this.#language.number(row);
    }
    return this.#abbreviation(word, isEnd);
  }

  #abbreviation(word: string, isEnd: boolean): Said | 'unknown' | undefined {
    const { abbreviations = new Map<string, string>(), ending = new Set<string>() } = this.#language ?? {};
    const [, short = '', rest = ''] = /^(.*?)([,;:!?)\]"'\u201d\u2019\u2026]*)$/u.exec(word) ?? [];
    const long = abbreviations.get(short.toLowerCase());
    if (long === undefined) return undefined;
    const said = /^\p{Lu}/u.test(short) ? long.charAt(0).toUpperCase() + long.slice(1) : long;
    if (rest !== '' || !ending.has(short.toLowerCase())) return { said, length: short.length };
    const next = /^\s+(\S)/.exec(this.#text.slice(word.length))?.[1];
    if (next === undefined && !isEnd) return 'unknown';
    return { said: next === undefined || /\p{Lu}/u.test(next) ? `${said}.` : said, length: short.length };
  }

  #address(bare: string): string | undefined {
    if (mail.test(bare)) return this.#language ? this.#sayAddress(bare) : undefined;
    if (!url.test(bare) && !host.test(bare)) return undefined;
    const [place = ''] = bare
      .replace(/^https?:\/\//i, '')
      .replace(/^www\./i, '')
      .split(/[?#]/);
    const path = place.replace(/\/+$/, '');
    return this.#language ? this.#sayAddress(path) : path.replace(/\/.*$/, '');
  }

  #sayAddress(address: string): string {
    const marks = this.#language?.marks;
    const pieces = address.match(/[./_@+-]|[^./_@+-]+/g) ?? [];
    return pieces.map((piece) => marks?.get(piece) ?? piece).join(' ');
  }
}

/**
 * The numbers a text begins with and the word behind them, or those that are left of the line; undefined while more of them may
 * come.
 */
function rowOf(text: string, isEnd: boolean): string | undefined {
  let at = 0;
  for (let count = 0; count < longestRow; count += 1) {
    const [word = ''] = /^\S+/.exec(text.slice(at)) ?? [];
    at += word.length;
    if (at === text.length) return isEnd ? text : undefined;
    const [gap = ''] = /^\s+/.exec(text.slice(at)) ?? [];
    if (!/^[^\n]$/.test(gap) || !/[0-9\u20ac$\u00a3]/.test(word)) return text.slice(0, at);
    at += gap.length;
    if (at === text.length) return isEnd ? text : undefined;
  }
  return text.slice(0, at);
}

/** How a language names the marks of an address, in the order of `. / - _ @ +`. */
export function marksOf(...names: string[]): ReadonlyMap<string, string> {
  return new Map(addressMarks.map((mark, index) => [mark, names[index] ?? mark]));
}
