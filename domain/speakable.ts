import { english } from './speakable-en.ts';
import { MarkdownStage, type TextStage } from './speakable-markdown.ts';
import { dutch } from './speakable-nl.ts';
import { NotationStage, type SpeakableLanguage } from './speakable-notation.ts';

const languages: ReadonlyMap<string, SpeakableLanguage> = new Map([
  ['en', english],
  ['nl', dutch],
]);

/**
 * Makes an agent's text speakable while it arrives: Markdown and emoji go, and what voices get wrong is said in words. In other
 * languages than English and Dutch only Markdown, emoji and the paths of web addresses go. Each stage decides by the text alone,
 * so what is said doesn't depend on how the text was cut; a plain word leaves as soon as the next one begins.
 */
export class SpeakableText implements TextStage {
  readonly #markdown = new MarkdownStage();
  readonly #notation: NotationStage;

  /** @param language BCP 47 tag */
  constructor(language: string) {
    this.#notation = new NotationStage(languages.get(language.toLowerCase().split('-')[0] ?? ''));
  }

  write(piece: string): string {
    return this.#notation.write(this.#markdown.write(piece));
  }

  end(): string {
    return this.#notation.write(this.#markdown.end()) + this.#notation.end();
  }
}

/** The whole of a text, speakable. @param language BCP 47 tag */
export function speakable(text: string, language: string): string {
  const stage = new SpeakableText(language);
  return stage.write(text) + stage.end();
}
