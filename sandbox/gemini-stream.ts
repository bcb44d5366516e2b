import type { Reply } from './anthropic-situation.ts';
import type { PromptTokens } from './gemini-cache.ts';

/** What a reply is wrapped in. */
export interface Envelope {
  responseId: string;
  model: string;
  maxTokens: number;
  prompt: PromptTokens;
  newCallId(): string;
  /** Makes the signature that stands at the first call of a response; absent for models that give none. */
  sign?(): string;
}

/** One streamed piece; `tokens` of the reply have been spent when it is due. */
export interface TimedPiece {
  data: object;
  tokens: number;
}

/** A reply cut into pieces, and off at the most that the request allows. */
export interface Plan {
  pieces: TimedPiece[];
  finishReason: 'STOP' | 'MAX_TOKENS';
  outputTokens: number;
}

/** Tokens that a function call costs. */
const callTokens = 8;

/**
 * The pieces of one streamed reply in the vendor's order (ai.google.dev/api/generate-content): a word of text each, calls whole,
 * and an empty one that tells how it ended. A call that does not fit is left out.
 */
export function planReply(reply: Reply, envelope: Envelope): Plan {
  const { maxTokens, newCallId, sign } = envelope;
  const words = reply.text.match(/\s*\S+|\s+$/g) ?? [];
  const parts = [
    ...words.map((text) => ({ part: { text }, cost: 1 })),
    ...reply.toolCalls.map(({ name, input }, index) => ({
      part: {
        functionCall: { id: newCallId(), name, args: input },
        ...(index === 0 && sign && { thoughtSignature: sign() }),
      },
      cost: callTokens,
    })),
  ];

  const pieces: TimedPiece[] = [];
  let outputTokens = 0;
  let finishReason: Plan['finishReason'] = 'STOP';
  for (const { part, cost } of parts) {
    if (outputTokens + cost > maxTokens) {
      finishReason = 'MAX_TOKENS';
      break;
    }
    pieces.push({ tokens: outputTokens, data: pieceOf(envelope, part, outputTokens + cost) });
    outputTokens += cost;
  }
  pieces.push({ tokens: outputTokens, data: pieceOf(envelope, { text: '' }, outputTokens, finishReason) });
  return { pieces, finishReason, outputTokens };
}

function pieceOf(
  { responseId, model, prompt }: Envelope,
  part: object,
  outputTokens: number,
  finishReason?: string,
): object {
  return {
    candidates: [{ content: { parts: [part], role: 'model' }, ...(finishReason && { finishReason }), index: 0 }],
    usageMetadata: {
      promptTokenCount: prompt.prompt,
      candidatesTokenCount: outputTokens,
      totalTokenCount: prompt.prompt + outputTokens,
      ...(prompt.cached && { cachedContentTokenCount: prompt.cached }),
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt.prompt }],
    },
    modelVersion: model,
    responseId,
  };
}
