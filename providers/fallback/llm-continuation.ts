import { llm } from '@livekit/agents';

/** What a model is told that takes over in the middle of another's reply. */
const continuationNote =
  'Your reply was cut off after the words above, which the listener has heard. Go on exactly where they end: begin with the ' +
  'next word, repeat nothing and do not mention the interruption. If they are complete, call the tool you meant to call, or say nothing.';

/** The conversation as a model gets it that is to go on after the words another has delivered. */
export function continuationOf(chatCtx: llm.ChatContext, delivered: string): llm.ChatContext {
  return new llm.ChatContext([
    ...chatCtx.items,
    llm.ChatMessage.create({ role: 'assistant', content: delivered.trim() }),
    llm.ChatMessage.create({ role: 'system', content: continuationNote }),
  ]);
}

/** A word that may not be whole yet. Scripts without spaces have no such words, and names of this length nobody has. */
const openWord = /(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}])\S){1,60}$/u;

/** Lets text through in whole words, so that a reply is never broken off inside one. */
export class WholeWords {
  #open = '';

  /** Takes text as it comes and gives what is whole of it, with the white space that follows it. */
  push(text: string): string {
    const all = this.#open + text;
    this.#open = openWord.exec(all)?.[0] ?? '';
    return all.slice(0, all.length - this.#open.length);
  }

  /** The word that was still open. */
  rest(): string {
    const open = this.#open;
    this.#open = '';
    return open;
  }
}

/**
 * Drops from the beginning of a continuation what it repeats of the words before: all of them, or their end. Compared are
 * letters and digits alone. Nothing is held back for longer than the beginning might still be a repetition.
 */
export class RepetitionFilter {
  readonly #said: string[];
  readonly #delivered: string;
  #held = '';
  #isOpen: boolean;

  /** @param delivered the words before; without any, everything is let through */
  constructor(delivered: string) {
    this.#delivered = delivered;
    this.#said = wordsIn(delivered).map(({ word }) => word);
    this.#isOpen = this.#said.length === 0;
  }

  /** Takes whole words and gives those that are new. */
  push(text: string): string {
    if (this.#isOpen) return text;
    this.#held += text;
    return this.#release(false);
  }

  /** The continuation is over: gives what is left of it. */
  end(): string {
    return this.#isOpen ? '' : this.#release(true);
  }

  #release(ended: boolean): string {
    const words = wordsIn(this.#held);
    if (!words.length && !ended) return '';
    const repeated = this.#repeatedWords(words, ended);
    if (repeated === undefined) return '';
    this.#isOpen = true;
    const rest = this.#held.slice(words[repeated - 1]?.end ?? 0);
    return /\s$/.test(this.#delivered) ? rest.trimStart() : rest;
  }

  /** How many words repeat; undefined while that isn't known. */
  #repeatedWords(words: readonly { word: string }[], ended: boolean): number | undefined {
    for (let from = 0; from < this.#said.length; from += 1) {
      const length = this.#said.length - from;
      const isSame = words.slice(0, length).every(({ word }, index) => word === this.#said[from + index]);
      if (!isSame) continue;
      if (words.length >= length) return length;
      if (!ended) return undefined;
      // It said no more than the beginning of what was heard already.
      if (from === 0) return words.length;
    }
    return 0;
  }
}

/** The words of a text as they are compared, each with where the white space after it ends. */
function wordsIn(text: string): { word: string; end: number }[] {
  return Array.from(text.matchAll(/\S+\s*/g), (match) => ({
    word: match[0].toLowerCase().replace(/[^\p{L}\p{M}\p{N}]/gu, ''),
    end: match.index + match[0].length,
  })).filter(({ word }) => word);
}
