import { isDeepStrictEqual } from 'node:util';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { sizes } from '../../core/limits.ts';

/** Text with a hint where its end is left out. */
export function bounded(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const hint = ' [the rest is left out]';
  // Half of a pair of surrogates is no character.
  return text.slice(0, characters - hint.length).replace(/[\uD800-\uDBFF]$/, '') + hint;
}

/**
 * What a tool gave, as text for a model: its structured content as JSON, and its texts. Images, sound and files are named only. A
 * server may give its structured content as text too (modelcontextprotocol.io, "Structured Content"); it is told once.
 */
export function resultText({ content, structuredContent }: CallToolResult): string {
  const parts = structuredContent ? [JSON.stringify(structuredContent)] : [];
  for (const block of content) {
    if (block.type === 'text' && structuredContent && isSame(block.text, structuredContent)) continue;
    parts.push(block.type === 'text' ? block.text : nameOf(block));
  }
  return bounded(parts.filter((part) => part.trim()).join('\n'), sizes.mcpResultCharacters);
}

function nameOf(block: Exclude<CallToolResult['content'][number], { type: 'text' }>): string {
  switch (block.type) {
    case 'image':
    case 'audio':
      return `[${block.type}, ${label(block.mimeType)}: it can not be shown here]`;
    case 'resource_link':
      return `[link to ${label(block.title ?? block.name)}]`;
    case 'resource':
      return `[file${block.resource.mimeType ? `, ${label(block.resource.mimeType)}` : ''}: it can not be shown here]`;
  }
}

function label(text: string): string {
  return bounded(text.replaceAll(/\s+/g, ' '), 100);
}

function isSame(text: string, value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), value);
  } catch {
    return false;
  }
}
