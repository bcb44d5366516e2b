import { llm } from '@livekit/agents';
import type {
  RealtimeAudioInputTurnDetection,
  RealtimeFunctionTool,
  RealtimeSessionCreateRequest,
  RealtimeToolChoiceConfig,
} from 'openai/resources/realtime/realtime';
import { sampleRateHz } from './openai-audio.ts';

/**
 * How the model finds out that it is its turn (developers.openai.com/api/docs/guides/realtime-vad): by silence, or by the
 * meaning of what was said. Times in milliseconds; what is absent is the vendor's default.
 */
export type TurnDetection =
  | { mode: 'silence'; silenceMs?: number; prefixPaddingMs?: number; threshold?: number }
  | { mode: 'meaning'; eagerness?: 'low' | 'medium' | 'high' | 'auto' };

/** What a session is told about itself. */
export interface SessionSettings {
  voice: string;
  speed: number | undefined;
  /** BCP 47 tag of what is spoken; undefined to have it recognised. */
  language: string | undefined;
  transcriptionModel: string;
  turnDetection: TurnDetection | null;
}

/** What changes while a session runs. */
export interface SessionState {
  instructions: string;
  tools: llm.ToolContext;
  toolChoice: llm.ToolChoice;
}

/** The whole session, as the first event of a connection sets it. `listen: false` leaves the turns to us for the time being. */
export function toSession(
  settings: SessionSettings,
  state: SessionState,
  { listen }: { listen: boolean },
): RealtimeSessionCreateRequest {
  const format = { type: 'audio/pcm', rate: sampleRateHz } as const;
  const language = settings.language?.split('-')[0]?.toLowerCase();
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions: state.instructions,
    audio: {
      input: {
        format,
        transcription: { model: settings.transcriptionModel, ...(language && { language }) },
        turn_detection: listen ? toTurnDetection(settings.turnDetection) : null,
      },
      output: {
        format,
        voice: settings.voice,
        ...(settings.speed !== undefined && { speed: settings.speed }),
      },
    },
    tools: toTools(state.tools),
    tool_choice: toToolChoice(state.toolChoice),
  };
}

/** Turn detection as the API takes it. */
export function toTurnDetection(detection: TurnDetection | null): RealtimeAudioInputTurnDetection | null {
  if (!detection) return null;
  const reply = { create_response: true, interrupt_response: true };
  if (detection.mode === 'meaning') {
    return { type: 'semantic_vad', ...reply, ...(detection.eagerness && { eagerness: detection.eagerness }) };
  }
  const { silenceMs, prefixPaddingMs, threshold } = detection;
  return {
    type: 'server_vad',
    ...reply,
    ...(silenceMs !== undefined && { silence_duration_ms: silenceMs }),
    ...(prefixPaddingMs !== undefined && { prefix_padding_ms: prefixPaddingMs }),
    ...(threshold !== undefined && { threshold }),
  };
}

/** Tools as the API takes them, in a stable order. */
export function toTools(tools: llm.ToolContext): RealtimeFunctionTool[] {
  return llm.sortedToolEntries(tools).map(([, tool]) => {
    const { $schema: _, ...schema } = llm.toJsonSchema(tool.parameters, false);
    return { type: 'function', name: tool.name, description: tool.description, parameters: schema };
  });
}

/** A tool choice as the API takes it. */
export function toToolChoice(choice: llm.ToolChoice): RealtimeToolChoiceConfig {
  return typeof choice === 'object' ? { type: 'function', name: choice.function.name } : choice;
}
