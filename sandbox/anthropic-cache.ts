import { createHash } from 'node:crypto';
import type { MessagesRequest } from './anthropic-request.ts';

/** Blocks before a marker among which the vendor looks for an earlier entry. */
const lookback = 20;

/** Estimated tokens of a prompt, split as the vendor bills them. */
export interface PromptTokens {
  input: number;
  cacheRead: number;
  cacheCreation: number;
}

/** Estimates tokens: about four characters each. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/**
 * The vendor's prompt cache (platform.claude.com/docs/en/build-with-claude/prompt-caching): at each marked block the hash of
 * everything up to it is remembered; a later prompt reads as far as its longest remembered prefix. One changed byte is a miss.
 * Unlike the vendor's it takes prompts of any length and forgets nothing.
 */
export class PromptCache {
  readonly #entries = new Set<string>();

  /** Counts a prompt's tokens and remembers its marked prefixes. */
  count(request: MessagesRequest): PromptTokens {
    const { blocks, hashes } = hashPrefixes(request);
    const markers = blocks.flatMap(({ marked }, index) => (marked ? [index] : []));
    const read = Math.max(-1, ...markers.map((marker) => this.#longestEntry(hashes, marker)));
    for (const marker of markers) this.#entries.add(hashes[marker] ?? '');

    const tokens = (start: number, end: number) =>
      blocks.slice(start, end).reduce((sum, { json }) => sum + estimateTokens(json), 0);
    const written = markers.at(-1) ?? -1;
    return {
      cacheRead: tokens(0, read + 1),
      cacheCreation: tokens(read + 1, written + 1),
      input: tokens(Math.max(read, written) + 1, blocks.length),
    };
  }

  #longestEntry(hashes: readonly string[], marker: number): number {
    for (let index = marker; index >= Math.max(0, marker - lookback); index -= 1) {
      if (this.#entries.has(hashes[index] ?? '')) return index;
    }
    return -1;
  }
}

/** The prompt in the order the vendor caches it, with the hash of everything up to each block. */
function hashPrefixes({ model, tools = [], system = [], messages, tool_choice, thinking }: MessagesRequest) {
  const entry = (place: string, { cache_control, ...block }: { cache_control?: unknown }) => ({
    json: JSON.stringify(block),
    place,
    marked: cache_control !== undefined,
  });
  // A changed tool choice or thinking spares tools and system, but not the messages.
  const messagePlace = JSON.stringify({ tool_choice, thinking });
  const blocks = [
    ...tools.map((tool) => entry('tool', tool)),
    ...system.map((block) => entry('system', block)),
    ...messages.flatMap(({ role, content }) => content.map((block) => entry(role + messagePlace, block))),
  ];
  let prefix = model;
  const hashes = blocks.map(({ place, json }) => {
    prefix = createHash('sha256').update(`${prefix}\n${place}\n${json}`).digest('hex');
    return prefix;
  });
  return { blocks, hashes };
}
