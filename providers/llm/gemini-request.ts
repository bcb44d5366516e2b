import {
  type FunctionCallingConfig,
  FunctionCallingConfigMode,
  type FunctionDeclaration,
  type GenerateContentParameters,
  type ThinkingConfig,
  ThinkingLevel,
} from '@google/genai';
import { llm } from '@livekit/agents';
import { toContents } from './gemini-contents.ts';

/** What one reply is asked with. */
export interface ReplyOptions {
  chatCtx: llm.ChatContext;
  toolCtx?: llm.ToolContext;
  toolChoice?: llm.ToolChoice;
}

/**
 * Builds a request for `models.generateContentStream` (ai.google.dev/api/generate-content). Tools, system instruction and earlier
 * contents come out the same from turn to turn: the vendor's cache holds as far as a prompt is the same as an earlier one.
 *
 * @throws APIError, not retryable, when the history holds an image.
 */
export function toRequest(model: string, maxTokens: number, options: ReplyOptions): GenerateContentParameters {
  const tools = toFunctionDeclarations(options.toolCtx);
  const signatures = generationOf(model) >= 3;
  const { system, contents } = toContents(options.chatCtx.items, { toolCalls: tools.length > 0, signatures });
  const thinkingConfig = leastThinking(model);
  return {
    model,
    contents,
    config: {
      maxOutputTokens: maxTokens,
      // The SDK would ask again by itself for what a reply has left out.
      automaticContinuation: false,
      ...(thinkingConfig && { thinkingConfig }),
      ...(system.length && { systemInstruction: { parts: system.map((text) => ({ text })) } }),
      ...(tools.length && {
        tools: [{ functionDeclarations: tools }],
        toolConfig: { functionCallingConfig: toCallingConfig(options.toolChoice) },
      }),
    },
  };
}

/** Tools as the API describes them; one without arguments has no schema. */
export function toFunctionDeclarations(toolCtx: llm.ToolContext | undefined): FunctionDeclaration[] {
  if (!toolCtx) return [];
  return llm.sortedToolEntries(toolCtx).map(([, { name, description, parameters }]) => {
    const { $schema: _, ...schema } = llm.toJsonSchema(parameters, false);
    const takesArguments = Object.keys(schema.properties ?? {}).length > 0;
    return { name, description, ...(takesArguments && { parametersJsonSchema: schema }) };
  });
}

/** With `none` the tools are still sent: leaving them out would change the cached prefix. */
function toCallingConfig(choice: llm.ToolChoice = 'auto'): FunctionCallingConfig {
  if (typeof choice === 'object') {
    return { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: [choice.function.name] };
  }
  const modes = {
    auto: FunctionCallingConfigMode.AUTO,
    required: FunctionCallingConfigMode.ANY,
    none: FunctionCallingConfigMode.NONE,
  };
  return { mode: modes[choice] };
}

/**
 * The least that a model may be told to think, for a listener hears silence meanwhile
 * (ai.google.dev/gemini-api/docs/thinking). Gemini 2.5 takes a number of tokens, its Pro never none; from Gemini 3 on there are
 * levels, of which the lowest is for the Lite models and for Flash up to 3.6. Undefined: the model takes no such setting.
 */
export function leastThinking(model: string): ThinkingConfig | undefined {
  const generation = generationOf(model);
  if (generation < 2.5) return undefined;
  if (generation < 3) return { thinkingBudget: /pro/.test(model) ? 128 : 0 };
  const minimal = /lite/.test(model) || (/flash/.test(model) && generation < 3.7);
  return { thinkingLevel: minimal ? ThinkingLevel.MINIMAL : ThinkingLevel.LOW };
}

/** The number in the name, for example 3.5 of `gemini-3.5-flash-lite`; names without one (`gemini-flash-latest`) are the newest. */
function generationOf(model: string): number {
  const name = model.replace(/^models\//, '');
  const number = Number(/^gemini-(\d+(?:\.\d+)?)(?:-|$)/.exec(name)?.[1]);
  if (number) return number;
  return name.startsWith('gemini-') ? Number.POSITIVE_INFINITY : 0;
}
