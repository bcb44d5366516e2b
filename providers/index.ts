import type { llm, stt, tts } from '@livekit/agents';
import type { VendorsConfig } from '../core/config/worker.ts';
import { AnthropicLLM } from './llm/anthropic.ts';
import { DeepgramSTT } from './stt/deepgram.ts';
import { CartesiaTTS } from './tts/cartesia.ts';

/** Makes the speech recogniser of a call. */
export function createSTT(vendors: VendorsConfig): stt.STT {
  return new DeepgramSTT({ ...vendors.deepgram, retryRefusals: true });
}

/** Makes the language model of a call. */
export function createLLM(vendors: VendorsConfig): llm.LLM {
  return new AnthropicLLM(vendors.anthropic);
}

/** A voice that can connect ahead of its first word; the framework asks for that at a handoff only. */
export type WarmableTTS = tts.TTS & { prewarm(): void };

/** Makes the voice of a call. */
export function createTTS(vendors: VendorsConfig): WarmableTTS {
  return new CartesiaTTS(vendors.cartesia);
}
