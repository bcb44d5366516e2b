import { createHash } from 'node:crypto';
import { estimateTokens } from './anthropic-cache.ts';
import type { GenerateRequest } from './gemini-request.ts';

/** Estimated tokens of a prompt: all of them, and those among them that were read from the cache. */
export interface PromptTokens {
  prompt: number;
  cached: number;
}

/**
 * The vendor's implicit cache (ai.google.dev/gemini-api/docs/caching): a prompt is charged less as far as it begins like an
 * earlier one for the same model. Unlike the vendor's it takes prompts of any length, promises its hits and forgets nothing.
 */
export class ImplicitCache {
  readonly #prefixes = new Set<string>();

  /** Counts a prompt's tokens and remembers it. */
  count(model: string, { tools = [], systemInstruction, contents }: GenerateRequest): PromptTokens {
    const pieces = [
      ...tools.map((tool) => JSON.stringify(tool)),
      ...(systemInstruction ? [JSON.stringify(systemInstruction)] : []),
      ...contents.flatMap(({ role, parts }) => parts.map((part) => JSON.stringify({ role, part }))),
    ];
    let prefix = model;
    let cached = 0;
    let prompt = 0;
    for (const piece of pieces) {
      prefix = createHash('sha256').update(`${prefix}\n${piece}`).digest('hex');
      prompt += estimateTokens(piece);
      if (this.#prefixes.has(prefix)) cached = prompt;
      this.#prefixes.add(prefix);
    }
    return { prompt, cached };
  }
}
