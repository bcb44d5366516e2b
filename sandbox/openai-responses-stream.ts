import { newId, type ReplyEnvelope, type ReplyEvent } from './openai-replies.ts';

/** What a response repeats of its request. */
export interface Repeated {
  tools: readonly object[];
  tool_choice: string | object;
  parallel_tool_calls: boolean;
}

/** The events of one streamed response in the vendor's order (platform.openai.com/docs/api-reference/responses-streaming). */
export function toEvents({ plan, model, usage }: ReplyEnvelope, repeated: Repeated): ReplyEvent[] {
  const id = newId('resp_');
  const created_at = Math.floor(Date.now() / 1_000);
  const isCut = plan.stopReason === 'max_tokens';
  const events: ReplyEvent[] = [];
  const output: object[] = [];
  let tokens = 0;
  const add = (name: string, data: object, ahead = false) => {
    events.push({
      name,
      data: { type: name, sequence_number: events.length, ...data },
      tokens,
      ...(ahead && { ahead }),
    });
  };
  const response = (status: string, more: object = {}) => ({
    response: {
      id,
      object: 'response',
      created_at,
      model,
      status,
      error: null,
      incomplete_details: null,
      output,
      store: false,
      usage: null,
      ...repeated,
      ...more,
    },
  });

  add('response.created', response('in_progress', { output: [] }), true);
  add('response.in_progress', response('in_progress', { output: [] }), true);
  plan.blocks.forEach(({ start, pieces }, output_index) => {
    const status = isCut && output_index === plan.blocks.length - 1 ? 'incomplete' : 'completed';
    const item_id = newId(start.type === 'text' ? 'msg_' : 'fc_');
    if (start.type === 'text') {
      const place = { item_id, output_index, content_index: 0 };
      const message = { id: item_id, type: 'message', role: 'assistant' };
      const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
      const text = pieces.join('');
      add('response.output_item.added', { output_index, item: { ...message, status: 'in_progress', content: [] } });
      add('response.content_part.added', { ...place, part: part('') });
      for (const delta of pieces) {
        add('response.output_text.delta', { ...place, delta, logprobs: [] });
        tokens += 1;
      }
      add('response.output_text.done', { ...place, text, logprobs: [] });
      add('response.content_part.done', { ...place, part: part(text) });
      output.push({ ...message, status, content: [part(text)] });
    } else {
      const place = { item_id, output_index };
      const call = { id: item_id, type: 'function_call', call_id: start.id, name: start.name };
      // A call without arguments has an empty object.
      const written = pieces.length ? pieces : ['{}'];
      add('response.output_item.added', { output_index, item: { ...call, status: 'in_progress', arguments: '' } });
      for (const delta of written) {
        add('response.function_call_arguments.delta', { ...place, delta });
        tokens += 1;
      }
      const args = written.join('');
      if (status === 'completed')
        add('response.function_call_arguments.done', { ...place, name: start.name, arguments: args });
      output.push({ ...call, status, arguments: args });
    }
    add('response.output_item.done', { output_index, item: output.at(-1) });
  });
  const end = {
    usage: {
      input_tokens: usage.prompt,
      input_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: 0 },
      output_tokens: plan.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.prompt + plan.outputTokens,
    },
    ...(isCut && { incomplete_details: { reason: 'max_output_tokens' } }),
  };
  const status = isCut ? 'incomplete' : 'completed';
  add(`response.${status}`, response(status, end));
  return events;
}
