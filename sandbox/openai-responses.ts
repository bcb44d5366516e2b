import { replyStandIn, toOpenAIError } from './openai-replies.ts';
import { models } from './openai-replies-prompt.ts';
import { parseResponses } from './openai-responses-request.ts';
import type { StandInFactory } from './stand-in.ts';

/** OpenAI's `POST /v1/responses`, streamed, and `GET /v1/models` on loopback. The base URL is `<sandbox>/openai/v1`. */
export const openaiResponsesStandIn: StandInFactory = replyStandIn({
  vendor: 'openai',
  prefix: '/openai/v1',
  path: '/responses',
  models: Object.keys(models),
  requestIdHeader: 'x-request-id',
  parse: parseResponses,
  toErrorBody: toOpenAIError,
});
