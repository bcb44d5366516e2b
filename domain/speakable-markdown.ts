/** Turns text that arrives in pieces of any size into other text; what it gives doesn't depend on how the text was cut. */
export interface TextStage {
  /** Takes in a piece and gives what can be said by now: whole words, as nothing behind them changes how they are said. */
  write(piece: string): string;
  /** Gives the rest. */
  end(): string;
}

/** Marks that begin a line: headings, list items, quotes, fences of code and rules. A number of a list is said. */
const lineMark = /^(?:#{1,6}|[-*+\u2022]|>+|(?:```|~~~)[\w+-]*|(?:-{3,}|\*{3,}|_{3,}|={3,}))$/;
/** The row of a table that is between its head and its body. */
const tableRule = /^\|?:?-{2,}:?(?:\|:?-{2,}:?)*\|?$/;
/** Text in brackets is no link when it is longer: it isn't held back for an address to come. */
const longestLabel = 120;
const longestLink = 1_000;

/** Emoji and what joins or colours them; not the digits and signs (`1`, `\u00a9`, `\u2122`) that can be turned into one. */
const emoji =
  /\p{Emoji_Presentation}|[\u{1f1e6}-\u{1f1ff}]|[\u{1f3fb}-\u{1f3ff}]|[\u{e0020}-\u{e007f}]|\ufe0f|\u20e3|(?![\u00a9\u00ae\u2122])\p{Extended_Pictographic}/gu;

/**
 * Takes away what is to be seen and not said: marks of Markdown, links but for their text, tags of HTML and emoji. Text of code
 * stays. Plain words leave as soon as they are complete.
 */
export class MarkdownStage implements TextStage {
  #text = '';
  #isLineStart = true;
  #isTable = false;
  /** Something was taken away: the white space behind it goes with it. */
  #swallows = false;

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
      said += taken;
    }
    return said;
  }

  /** What the next word or white space becomes; undefined while that depends on text that has not come. */
  #next(isEnd: boolean): string | undefined {
    const [space = ''] = /^\s+/.exec(this.#text) ?? [];
    if (space) return this.#space(space);
    const link = this.#link(isEnd);
    if (link === 'unknown') return undefined;
    if (link) {
      this.#text = link.label + this.#text.slice(link.length);
      return '';
    }
    const end = this.#text.search(/\s/);
    if (end < 0 && !isEnd) return undefined;
    const word = end < 0 ? this.#text : this.#text.slice(0, end);
    this.#text = this.#text.slice(word.length);
    return this.#word(word);
  }

  #space(space: string): string {
    this.#text = this.#text.slice(space.length);
    let said = '';
    for (const character of space) {
      if (character === '\n') {
        this.#isLineStart = true;
        this.#isTable = false;
        this.#swallows = false;
      }
      if (!this.#swallows) said += character;
    }
    return said;
  }

  #word(word: string): string {
    const bare = undecorated(word);
    if (this.#isLineStart && bare.startsWith('|')) this.#isTable = true;
    const isMark = this.#isLineStart && (lineMark.test(word) || lineMark.test(bare));
    const said =
      isMark || (this.#isTable && tableRule.test(bare)) ? '' : this.#isTable ? undecorated(cells(bare)) : bare;
    this.#swallows = said === '';
    if (said !== '') this.#isLineStart = false;
    return said;
  }

  /** `[label](address)` or a picture where the text begins. */
  #link(isEnd: boolean): { label: string; length: number } | 'unknown' | undefined {
    const start = /^[^\s[]*\[/.exec(this.#text)?.[0];
    if (start === undefined) return undefined;
    const before = start.slice(0, -1).replace(/!$/, '');
    const whole = /^[^\s[]*\[([^\]\n]{0,120})\]\([^)\n]{0,800}\)/.exec(this.#text);
    if (whole && whole[0].length <= longestLink)
      return { label: before + (whole[1] ?? '').trim(), length: whole[0].length };
    const open = /^[^\s[]*\[([^\]\n]*)(?:\](?:\([^)\n]*)?)?$/.exec(this.#text);
    const couldBe = open && (open[1] ?? '').length <= longestLabel && this.#text.length <= longestLink;
    return couldBe && !isEnd ? 'unknown' : undefined;
  }
}

/** A word without emoji, tags and marks of emphasis or code; again, as long as that bares more of them. */
function undecorated(word: string): string {
  for (let before = word; ; ) {
    const bare = before
      .replace(emoji, '')
      .replace(/(?<=^|[^\p{L}\p{N}\p{P}])\u200d|\u200d(?=$)/gu, '')
      .replace(/<\/?(?:br|b|i|em|strong|p|u|li|ul|ol|code|span)\s*\/?>/gi, '')
      .replace(/^<(https?:\/\/[^<>]+|[^<>\s@]+@[^<>\s@]+)>/, '$1')
      .replace(/`+|\*\*+|~~+/g, '')
      .replace(/(?<=^[("'\u201c\u2018[]*)[*_]+(?=[^\s*_])|(?<=[^\s*_])[*_]+(?=[.,;:!?)\]"'\u201d\u2019\u2026]*$)/g, '');
    if (bare === before) return bare;
    before = bare;
  }
}

/** Cells of a row of a table, as a list. */
function cells(word: string): string {
  return word.replace(/^\||\|$/g, '').replace(/\|/g, ', ');
}
