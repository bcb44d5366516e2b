import { parseCompatibleChat, parseOpenAIChat } from './openai-chat-request.ts';
import { type Refusal, replyStandIn, toOpenAIError } from './openai-replies.ts';
import { models } from './openai-replies-prompt.ts';
import type { StandInFactory } from './stand-in.ts';

/** OpenAI's `POST /v1/chat/completions`, streamed, and `GET /v1/models` on loopback. The base URL is `<sandbox>/openai/v1`. */
export const openaiChatStandIn: StandInFactory = replyStandIn({
  vendor: 'openai',
  prefix: '/openai/v1',
  path: '/chat/completions',
  models: Object.keys(models),
  requestIdHeader: 'x-request-id',
  parse: parseOpenAIChat,
  toErrorBody: toOpenAIError,
});

/** A LiteLLM proxy on loopback, with a strict model behind it. The base URL is `<sandbox>/litellm/v1`. */
export const litellmStandIn: StandInFactory = replyStandIn({
  vendor: 'litellm',
  prefix: '/litellm/v1',
  path: '/chat/completions',
  models: ['local/strict', 'openai/gpt-4.1-mini'],
  requestIdHeader: 'x-litellm-call-id',
  parse: parseCompatibleChat,
  toErrorBody: toProxyError,
});

const proxyTypes: Readonly<Record<number, string>> = { 401: 'auth_error', 429: 'throttling_error' };

/** The proxy tells the status as a code in words, and absent values as Python does (docs.litellm.ai/docs/exception_mapping). */
function toProxyError({ status, message, param }: Refusal): object {
  const type = proxyTypes[status] ?? 'None';
  return { error: { message: `litellm: ${message}`, type, param: param ?? 'None', code: String(status) } };
}
