import { voice } from '@livekit/agents';

/** How a text is to be spoken. */
export interface SsmlOptions {
  /** Name of a voice, for example `nl-NL-FennaNeural`. */
  voice: string;
  /** BCP 47 tag with a region, for a voice that speaks several languages. */
  language?: string;
  /** 0.5 to 2; 1 is the voice's own. */
  speed?: number;
}

/**
 * A text as a document of the Speech Synthesis Markup Language
 * (learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-structure); whatever is markup in it is
 * spoken as text.
 */
export function ssmlOf(text: string, { voice: name, language, speed = 1 }: SsmlOptions): string {
  const ownLanguage = /^[a-z]{2,3}(-[A-Z][A-Za-z0-9]*)+(?=-)/.exec(name)?.[0] ?? 'en-US';
  let spoken = escaped(text);
  if (speed !== 1) spoken = `<prosody rate="${speed}">${spoken}</prosody>`;
  if (language && language !== ownLanguage) spoken = `<lang xml:lang="${escaped(language)}">${spoken}</lang>`;
  return (
    `<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="${escaped(language ?? ownLanguage)}">` +
    `<voice name="${escaped(name)}">${spoken}</voice></speak>`
  );
}

function escaped(text: string): string {
  return (
    text
      // XML has no place for these, not even escaped (www.w3.org/TR/xml/#charsets).
      .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&apos;')
  );
}

/**
 * The words of a text with their times, in the text's own spelling: each with the white space and punctuation around it, so
 * that joined they are the text. The service tells of words ahead of their audio; they are given once it came.
 */
export class SpokenWords {
  readonly #text: string;
  readonly #words: { text: string; startTime: number; endTime: number }[] = [];
  #position = 0;
  #given = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes a word that will be heard; one that isn't in the text (the service expands numbers) is passed over. */
  add(word: string, startTime: number, endTime: number): void {
    const found = word ? this.#text.indexOf(word, this.#position) : -1;
    if (found < 0) return;
    const end = found + word.length;
    const after = /^[^\p{L}\p{N}]*/u.exec(this.#text.slice(end))?.[0].length ?? 0;
    this.#words.push({ text: this.#text.slice(this.#position, end + after), startTime, endTime });
    this.#position = end + after;
  }

  /** Words that ended by now and weren't given yet, but for the last one, to which the rest of the text may belong. */
  until(seconds: number): voice.TimedString[] {
    const from = this.#given;
    while (this.#given < this.#words.length - 1 && Number(this.#words[this.#given]?.endTime) <= seconds)
      this.#given += 1;
    return this.#words.slice(from, this.#given).map(voice.createTimedString);
  }

  /** The words that are left when all was said; the last one has the rest of the text. */
  rest(): voice.TimedString[] {
    const last = this.#words.at(-1);
    if (last) last.text += this.#text.slice(this.#position);
    this.#position = this.#text.length;
    return this.#words.slice(this.#given).map(voice.createTimedString);
  }
}
