import { llm } from '@livekit/agents';

/** How much of a conversation a model is asked with. */
export interface HistoryBounds {
  items: number;
  characters: number;
}

/** A conversation of about half an hour; tool results may be long. */
export const historyBounds: HistoryBounds = { items: 120, characters: 48_000 };

/**
 * The end of a conversation, with the instructions before it. It is cut by half at a time: the same items stay the beginning
 * for many turns, so that a vendor's prompt cache goes on matching. The cut is before something the person said, hence never
 * between a tool call and its result; what belongs to the turn under way stays, however much it is.
 * @param chatCtx left as it is; given back itself where it is within bounds
 */
export function boundedHistory(chatCtx: llm.ChatContext, bounds: HistoryBounds = historyBounds): llm.ChatContext {
  const { items } = chatCtx;
  const begin = beginOf(items, bounds);
  if (begin === 0) return chatCtx;
  return new llm.ChatContext([...items.slice(0, begin).filter(isInstruction), ...items.slice(begin)]);
}

/**
 * Follows the conversation from its first item, as it grew: where the kept part outgrew its bounds, all but its last half went.
 * It depends on the items alone, so asking again, or a turn later, gives the same.
 */
function beginOf(items: readonly llm.ChatItem[], bounds: HistoryBounds): number {
  let begin = 0;
  let characters = 0;
  for (let end = 1; end <= items.length; end += 1) {
    characters += sizeOf(items[end - 1]);
    if (end - begin <= bounds.items && characters <= bounds.characters) continue;
    begin = cutOf(items, { begin, end, bounds });
    characters = items.slice(begin, end).reduce((sum, item) => sum + sizeOf(item), 0);
  }
  return begin;
}

/** The first thing said by the person within half the bounds, or else the last one there is. */
function cutOf(
  items: readonly llm.ChatItem[],
  { begin, end, bounds }: { begin: number; end: number; bounds: HistoryBounds },
): number {
  let cut = begin;
  let characters = 0;
  for (let index = end - 1; index > begin; index -= 1) {
    characters += sizeOf(items[index]);
    const isWithinHalf = end - index <= bounds.items / 2 && characters <= bounds.characters / 2;
    if (!isWithinHalf && cut > begin) break;
    if (isSaidByPerson(items[index])) cut = index;
  }
  return cut;
}

function isSaidByPerson(item: llm.ChatItem | undefined): boolean {
  return item?.type === 'message' && item.role === 'user';
}

function isInstruction(item: llm.ChatItem): boolean {
  return item.type === 'message' && (item.role === 'system' || item.role === 'developer');
}

function sizeOf(item: llm.ChatItem | undefined): number {
  switch (item?.type) {
    case 'message':
      return item.rawTextContent?.length ?? 0;
    case 'function_call':
      return item.args.length;
    case 'function_call_output':
      return item.output.length;
    default:
      return 0;
  }
}
