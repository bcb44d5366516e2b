import type { Plan } from './anthropic-stream.ts';
import { newId, type ReplyEnvelope, type ReplyEvent } from './openai-replies.ts';

const finishReasons: Record<Plan['stopReason'], string> = {
  end_turn: 'stop',
  tool_use: 'tool_calls',
  max_tokens: 'length',
};

/**
 * The chunks of one streamed completion in the vendor's order (platform.openai.com/docs/api-reference/chat-streaming). A proxy
 * differs in small things: it fills absent fields with null, and the chunk with the token counts has a choice.
 */
export function toEvents(
  { plan, model, usage }: ReplyEnvelope,
  options: { kind: 'openai' | 'compatible'; usage: boolean },
): ReplyEvent[] {
  const proxy = options.kind === 'compatible';
  const head = {
    id: newId('chatcmpl-'),
    object: 'chat.completion.chunk',
    created: Math.floor(Date.now() / 1_000),
    model,
  };
  const events: ReplyEvent[] = [];
  let tokens = 0;
  const add = (choices: object[], more: object = {}, ahead = false) => {
    const counted = options.usage && !proxy ? { usage: null } : {};
    events.push({ data: { ...head, choices, ...counted, ...more }, tokens, ...(ahead && { ahead }) });
  };
  const choice = (delta: object, finish_reason: string | null = null) => [
    { index: 0, delta, ...(!proxy && { logprobs: null }), finish_reason },
  ];

  const speaks = plan.blocks.some(({ start }) => start.type === 'text');
  add(choice({ role: 'assistant', content: speaks ? '' : null, ...(!proxy && { refusal: null }) }), {}, true);
  let index = -1;
  for (const { start, pieces } of plan.blocks) {
    if (start.type === 'tool_use') {
      index += 1;
      const call = { index, id: start.id, type: 'function', function: { name: start.name, arguments: '' } };
      add(choice({ tool_calls: [call] }));
    }
    // A call without arguments has an empty object.
    const written = start.type === 'tool_use' && !pieces.length ? ['{}'] : pieces;
    for (const piece of written) {
      const rest = proxy
        ? { id: null, type: 'function', function: { name: null, arguments: piece } }
        : { function: { arguments: piece } };
      add(choice(start.type === 'text' ? { content: piece } : { tool_calls: [{ index, ...rest }] }));
      tokens += 1;
    }
  }
  add(choice({}, finishReasons[plan.stopReason]));
  if (options.usage) add(proxy ? choice({}) : [], { usage: toUsage(usage, plan.outputTokens) });
  events.push({ data: '[DONE]', tokens });
  return events;
}

function toUsage({ prompt, cached }: ReplyEnvelope['usage'], completion: number): object {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
}
