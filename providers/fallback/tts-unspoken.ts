import type { voice } from '@livekit/agents';

/** People and voices speak about this many characters a second, and none this many. */
const charactersPerSecond = 15;
const mostCharactersPerSecond = 25;
/** A rate that was measured over fewer characters is chance. */
const fewestMeasuredCharacters = 30;
/** Audio beyond the last known word may be a pause. */
const longestPauseSeconds = 0.4;
/** How far ahead a word is looked for that is not where it should be: a voice may write numbers in its own way. */
const searchedLetters = 40;
const toleranceSeconds = 0.1;

/** A stretch of the text and when it is spoken. */
interface Timed {
  /** Number of the letters before its end. */
  letters: number;
  lettersBefore: number;
  start: number;
  end: number;
  /** More than a word: the voice tells of whole pieces. */
  isPiece: boolean;
}

/**
 * How much of the text that a voice was given is in the audio it gave. By its words' times where it tells them, by those of whole
 * pieces, and beyond them by the rate of speech. Times and lengths are seconds of the voice's audio.
 */
export class SpokenText {
  #text = '';
  readonly #letters: { letter: string; end: number }[] = [];
  readonly #timed: Timed[] = [];
  #seconds = 0;

  /** The voice is given more text. */
  push(text: string): void {
    let end = this.#text.length;
    this.#text += text;
    for (const character of text) {
      end += character.length;
      for (const letter of lettersOf(character)) this.#letters.push({ letter, end });
    }
  }

  /** The voice gave audio, and perhaps the times of words. */
  hear(seconds: number, transcripts: readonly voice.TimedString[] = []): void {
    this.#seconds += seconds;
    for (const { text, startTime, endTime } of transcripts) {
      const lettersBefore = this.#timed.at(-1)?.letters ?? 0;
      const letters = this.#find(lettersOf(text), lettersBefore);
      if (startTime === undefined || endTime === undefined || letters === lettersBefore) continue;
      this.#timed.push({ letters, lettersBefore, start: startTime, end: endTime, isPiece: /\S\s+\S/.test(text) });
    }
  }

  /** Whether the voice has said all it was given, as far as can be told. */
  get isComplete(): boolean {
    const last = this.#timed.at(-1);
    if (!last) return this.#seconds * mostCharactersPerSecond + 10 >= this.#text.length;
    return last.letters >= this.#letters.length && this.#seconds >= last.end - toleranceSeconds;
  }

  /** Length of the text that was spoken, up to the beginning of the first word that has to be said again. */
  get spokenLength(): number {
    if (this.#seconds === 0) return 0;
    const next = this.#timed.find((timed) => !this.#isHeard(timed));
    const known = this.#lengthOf(next?.lettersBefore ?? this.#timed.at(-1)?.letters ?? 0);
    if (next && !next.isPiece) return known;
    if (next) {
      const share = Math.max(0, this.#seconds - next.start) / (next.end - next.start);
      return this.#wordsWithin(known, share * (this.#lengthOf(next.letters) - known));
    }
    const knownSeconds = this.#timed.at(-1)?.end ?? 0;
    const beyondSeconds = this.#seconds - knownSeconds;
    if (knownSeconds > 0 && beyondSeconds <= longestPauseSeconds) return known;
    const rate = known < fewestMeasuredCharacters ? charactersPerSecond : known / knownSeconds;
    return this.#wordsWithin(known, beyondSeconds * rate);
  }

  /** A word counts from its middle on: the rest of it is no reason to say it twice. */
  #isHeard({ start, end, isPiece }: Timed): boolean {
    return this.#seconds >= (isPiece ? end - toleranceSeconds : (start + end) / 2);
  }

  /** Whole words in that many characters after a place. */
  #wordsWithin(from: number, characters: number): number {
    const until = from + Math.floor(characters);
    if (until >= this.#text.length) return this.#text.length;
    const space = this.#text.slice(from, until + 1).search(/\s\S*$/);
    return space < 0 ? from : from + space + 1;
  }

  /** Length of the text up to the word after so many letters. */
  #lengthOf(letters: number): number {
    if (letters === 0) return 0;
    const end = this.#letters[letters - 1]?.end ?? this.#text.length;
    const rest = /^[^\p{L}\p{N}\s]*\s*/u.exec(this.#text.slice(end));
    return end + (rest?.[0].length ?? 0);
  }

  /** Number of letters up to the end of these, which come next or soon. */
  #find(wanted: readonly string[], from: number): number {
    const last = Math.min(from + searchedLetters, this.#letters.length - wanted.length);
    for (let at = from; at <= last; at += 1) {
      if (wanted.every((letter, index) => this.#letters[at + index]?.letter === letter)) return at + wanted.length;
    }
    return Math.min(from + wanted.length, this.#letters.length);
  }
}

/** Letters and digits of a text, in lower case. */
function lettersOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]/gu) ?? [];
}
