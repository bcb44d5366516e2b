import type { llm } from '@livekit/agents';
import { looksUnfinished } from '../../domain/unfinished.ts';

/**
 * Judges by its words whether a turn is over: one that breaks off where a sentence goes on is waited for as long as the longest
 * endpointing delay. It costs nothing, needs no model, and knows the languages agents speak; others end by silence alone.
 */
export class TextEndOfTurn {
  readonly model = 'open-words';
  readonly provider = 'parley';
  readonly #language: () => string;

  /** @param language BCP 47 tag of what the person speaks; empty when it is not known. */
  constructor(language: () => string) {
    this.#language = language;
  }

  async unlikelyThreshold(): Promise<number> {
    return 0.5;
  }

  async supportsLanguage(): Promise<boolean> {
    return true;
  }

  /** 0 for words that a turn seldom ends with, 1 for all others. */
  async predictEndOfTurn(chatCtx: llm.ChatContext): Promise<number> {
    const last = chatCtx.items.at(-1);
    const text = last?.type === 'message' && last.role === 'user' ? (last.rawTextContent ?? '') : '';
    return looksUnfinished(text, this.#language()) ? 0 : 1;
  }
}
