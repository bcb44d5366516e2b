import { Behavior, type Content, type LiveConnectConfig, Modality } from '@google/genai';
import type { llm } from '@livekit/agents';
import { toFunctionDeclarations } from '../llm/gemini-request.ts';
import { noteText, type Step, toSteps, withoutNoteTags } from '../llm/steps.ts';

/** How the model finds out that it is its turn: by silence. What is absent is the vendor's default. */
export interface LiveTurnDetection {
  /** Silence after which somebody has finished. */
  silenceMs?: number;
  /** Speech before somebody has begun. */
  prefixPaddingMs?: number;
}

/** What a session is told about itself and keeps. */
export interface LiveSettings {
  voice: string;
  /** BCP 47 tag of what is spoken; undefined to have it recognised. */
  language: string | undefined;
  /** Null: `commitAudio` says where a turn ends. */
  turnDetection: LiveTurnDetection | null;
}

/** The first message of a connection (ai.google.dev/api/live, `BidiGenerateContentSetup`). */
export function toLiveConfig(settings: LiveSettings, instructions: string, tools: llm.ToolContext): LiveConnectConfig {
  const { voice, language, turnDetection } = settings;
  const declarations = toFunctionDeclarations(tools);
  return {
    responseModalities: [Modality.AUDIO],
    speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } },
    inputAudioTranscription: language ? { languageCodes: [language] } : {},
    outputAudioTranscription: {},
    ...(instructions && { systemInstruction: { parts: [{ text: instructions }] } }),
    // The framework answers a call before the model goes on; newer models would go on by themselves.
    ...(declarations.length && {
      tools: [{ functionDeclarations: declarations.map((each) => ({ ...each, behavior: Behavior.BLOCKING })) }],
    }),
    realtimeInputConfig: {
      automaticActivityDetection: turnDetection
        ? {
            ...(turnDetection.silenceMs !== undefined && { silenceDurationMs: turnDetection.silenceMs }),
            ...(turnDetection.prefixPaddingMs !== undefined && { prefixPaddingMs: turnDetection.prefixPaddingMs }),
          }
        : { disabled: true },
    },
  };
}

/**
 * A history as turns that the Live API takes. It knows calls and their results only as its own, so that earlier ones are told as
 * notes, and so are system messages.
 */
export function toTurns(items: readonly llm.ChatItem[]): Content[] {
  return toSteps(items, { toolCalls: true, owner: 'GeminiRealtimeModel' }).flatMap(turnsOf);
}

function turnsOf(step: Step): Content[] {
  if (step.role !== 'assistant') {
    return step.role === 'system'
      ? [noteTurn(step.text)]
      : [{ role: 'user', parts: [{ text: withoutNoteTags(step.text) }] }];
  }
  return [
    ...step.texts.map((text) => ({ role: 'model', parts: [{ text }] })),
    ...step.calls.map(({ call, output }) => toolNote(call, output)),
  ];
}

/** A note of ours, as a turn of the user. */
export function noteTurn(text: string): Content {
  return { role: 'user', parts: [{ text: noteText(text) }] };
}

/** What a tool gave back, for a model that does not wait for it any more. */
export function toolNote({ name, args }: llm.FunctionCall, { output, isError }: llm.FunctionCallOutput): Content {
  return noteTurn(`The tool ${name} was called with ${args || '{}'} and ${isError ? 'failed' : 'answered'}: ${output}`);
}
