import { z } from 'zod';
import { type Conversation, type Reply, say } from './anthropic-situation.ts';

/** A conversation to be summed up, in a tag of its own. */
const material = /^<conversation>\s*([\s\S]*?)\s*<\/conversation>$/;

const turnsSchema = z.array(z.strictObject({ speaker: z.enum(['user', 'agent']), text: z.string() })).min(1);

/**
 * Sums a conversation up by the first and the last thing the person said; undefined for a request that asks for no summary.
 * @throws Error for one that isn't as `providers/llm/summarizer.ts` sends it: the stand-in fails, and with it the test.
 */
export function sumUpConversation({ messages, tools = [] }: Conversation): Reply | undefined {
  const [block] = messages.at(-1)?.content ?? [];
  const json = block?.type === 'text' ? material.exec(block.text.trim())?.[1] : undefined;
  if (json === undefined) return undefined;
  if (messages.length > 1 || tools.length) throw new Error('a summary is asked for in one message and without tools');
  const turns = turnsSchema.parse(JSON.parse(json));
  const said = turns.filter(({ speaker }) => speaker === 'user').map(({ text }) => text);
  const [first = 'nothing', last = first] = [said[0], said.at(-1)];
  return say(`In ${turns.length} turns the person spoke of this first: ${first} And of this last: ${last}`);
}
