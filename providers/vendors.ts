import type { llm, stt, tts } from '@livekit/agents';
import type { Port, VendorName } from '../core/config/vendor-names.ts';
import type { VendorSettings } from '../core/config/vendor-settings.ts';
import type { Probed } from './probe.ts';

/** A voice that can connect ahead of its first word; the framework asks for that at a handoff only. */
export type WarmableTTS = tts.TTS & { prewarm(): void };

/** How sure Flux has to be of the end of a turn to tell of it ahead; its documentation advises 0.3 to 0.5 for speed. */
const eagerEotThreshold = 0.4;

/**
 * Makes an adapter of a vendor whose settings are complete.
 * @param retryRefusals of a recogniser that nobody stands in for: it goes on trying after a refusal too
 */
export type Make<T> = (settings: VendorSettings, retryRefusals?: boolean) => T;

/** Loads what makes the adapters of a vendor: its SDK is not there before. */
export type Loaders<P extends Port, T> = { readonly [Name in VendorName<P>]: () => Promise<Make<T>> };

/** Speech to text. */
export const recognisers: Loaders<'stt', stt.STT> = {
  async deepgram() {
    const { DeepgramSTT } = await import('./stt/deepgram.ts');
    return (settings, retryRefusals) => {
      const { fluxModel: _fluxModel, ...options } = configured(settings, 'deepgram');
      return new DeepgramSTT({ ...options, retryRefusals });
    };
  },
  async 'deepgram-flux'() {
    const { DeepgramFluxSTT } = await import('./stt/deepgram-flux.ts');
    return (settings) => {
      const { apiKey, baseUrl, fluxModel, language } = configured(settings, 'deepgram');
      const languageHints = language === 'multi' ? undefined : [language];
      return new DeepgramFluxSTT({ apiKey, baseUrl, model: fluxModel, languageHints, eagerEotThreshold });
    };
  },
  async openai() {
    const { OpenAISTT } = await import('./stt/openai.ts');
    return (settings) => {
      const { apiKey, baseUrl, sttModel, sttLanguage } = configured(settings, 'openai');
      return new OpenAISTT({ apiKey, baseUrl, model: sttModel, language: sttLanguage });
    };
  },
  async sarvam() {
    const { SarvamSTT } = await import('./stt/sarvam.ts');
    return (settings) => {
      const { apiKey, baseUrl, sttModel, language } = configured(settings, 'sarvam');
      return new SarvamSTT({ apiKey, baseUrl, model: sttModel, language });
    };
  },
  async azure() {
    const { AzureSTT } = await import('./stt/azure.ts');
    return (settings) => {
      const { apiKey, region, baseUrl, language } = configured(settings, 'azureSpeech');
      return new AzureSTT({ apiKey, region, baseUrl, language });
    };
  },
};

/** Language models. */
export const models: Loaders<'llm', llm.LLM> = {
  async anthropic() {
    const { AnthropicLLM } = await import('./llm/anthropic.ts');
    return (settings) => new AnthropicLLM(configured(settings, 'anthropic'));
  },
  async openai() {
    const { OpenAIResponsesLLM } = await import('./llm/openai-responses.ts');
    return (settings) => {
      const { apiKey, baseUrl, llmModel } = configured(settings, 'openai');
      return new OpenAIResponsesLLM({ apiKey, baseUrl, model: llmModel });
    };
  },
  async 'openai-chat'() {
    const { OpenAIChatLLM } = await import('./llm/openai-chat.ts');
    return (settings) => {
      const { apiKey, baseUrl, llmModel } = configured(settings, 'openai');
      return new OpenAIChatLLM({ apiKey, baseUrl, model: llmModel });
    };
  },
  async gemini() {
    const { GeminiLLM } = await import('./llm/gemini.ts');
    return (settings) => {
      const { apiKey, baseUrl, model } = configured(settings, 'gemini');
      return new GeminiLLM({ apiKey, baseUrl, model });
    };
  },
  async litellm() {
    const { OpenAIChatLLM } = await import('./llm/openai-chat.ts');
    return (settings) => new OpenAIChatLLM({ ...configured(settings, 'litellm'), provider: 'litellm' });
  },
};

/** Text to speech. */
export const voices: Loaders<'tts', WarmableTTS> = {
  async cartesia() {
    const { CartesiaTTS } = await import('./tts/cartesia.ts');
    return (settings) => new CartesiaTTS(configured(settings, 'cartesia'));
  },
  async openai() {
    const { OpenAITTS } = await import('./tts/openai.ts');
    return (settings) => {
      const { apiKey, baseUrl, ttsModel, ttsVoice } = configured(settings, 'openai');
      return new OpenAITTS({ apiKey, baseUrl, model: ttsModel, voice: ttsVoice });
    };
  },
  async sarvam() {
    const { SarvamTTS } = await import('./tts/sarvam.ts');
    return (settings) => {
      const { apiKey, baseUrl, ttsModel, voice, language } = configured(settings, 'sarvam');
      return new SarvamTTS({ apiKey, baseUrl, model: ttsModel, voice, language });
    };
  },
  async azure() {
    const { AzureTTS } = await import('./tts/azure.ts');
    return (settings) => {
      const { apiKey, region, baseUrl, language, voice } = configured(settings, 'azureSpeech');
      return new AzureTTS({ apiKey, region, baseUrl, language, voice });
    };
  },
};

/** Another way of speech stands ready: a model that is lost is not waited for. */
const impatience = { maxRetry: 1, retryIntervalMs: 300, connectTimeoutMs: 3_000 } as const;

/** Speech to speech. */
export const realtimeModels: Loaders<'realtime', llm.RealtimeModel & Probed> = {
  async openai() {
    const { OpenAIRealtimeModel } = await import('./realtime/openai.ts');
    return (settings) => {
      const { apiKey, baseUrl, realtimeModel, realtimeVoice } = configured(settings, 'openai');
      return new OpenAIRealtimeModel({ apiKey, baseUrl, model: realtimeModel, voice: realtimeVoice, ...impatience });
    };
  },
  async gemini() {
    const { GeminiRealtimeModel } = await import('./realtime/gemini.ts');
    return (settings) => {
      const { apiKey, baseUrl, realtimeModel, realtimeVoice } = configured(settings, 'gemini');
      return new GeminiRealtimeModel({ apiKey, baseUrl, model: realtimeModel, voice: realtimeVoice, ...impatience });
    };
  },
  async azure() {
    const { OpenAIRealtimeModel } = await import('./realtime/openai.ts');
    return (settings) => {
      const { apiKey, endpoint, deployment, voice } = configured(settings, 'azureOpenai');
      return new OpenAIRealtimeModel({
        apiKey,
        baseUrl: endpoint,
        model: deployment,
        voice,
        azure: { deployment },
        ...impatience,
      });
    };
  },
};

function configured<Name extends keyof VendorSettings>(
  settings: VendorSettings,
  name: Name,
): NonNullable<VendorSettings[Name]> {
  const found = settings[name];
  if (!found) throw new Error(`${name} is not configured: the settings are checked when they are read`);
  return found;
}
