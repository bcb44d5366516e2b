import { z } from 'zod';
import { number, text, url } from './environment.ts';

/** Variables of the vendors themselves; a vendor whose key is not set can't be chosen. */
export const vendorSettingsVariables = {
  DEEPGRAM_API_KEY: text.optional(),
  DEEPGRAM_BASE_URL: url('http', 'https', 'ws', 'wss').optional(),
  DEEPGRAM_MODEL: text.default('nova-3'),
  DEEPGRAM_FLUX_MODEL: z.enum(['flux-general-multi', 'flux-general-en']).default('flux-general-multi'),
  DEEPGRAM_LANGUAGE: text.default('multi'),
  ANTHROPIC_API_KEY: text.optional(),
  ANTHROPIC_BASE_URL: url('http', 'https').optional(),
  ANTHROPIC_MODEL: text.default('claude-haiku-4-5'),
  CARTESIA_API_KEY: text.optional(),
  CARTESIA_BASE_URL: url('http', 'https').optional(),
  CARTESIA_MODEL: text.default('sonic-3'),
  CARTESIA_VOICE_ID: text.default('f786b574-daa5-4673-aa0c-cbe3e8534c02'),
  CARTESIA_LANGUAGE: text.optional(),
  CARTESIA_SPEED: number(0.6, 1.5).optional(),
  CARTESIA_PRONUNCIATION_DICTIONARY_ID: text.optional(),
  OPENAI_API_KEY: text.optional(),
  OPENAI_BASE_URL: url('http', 'https').default('https://api.openai.com/v1'),
  OPENAI_LLM_MODEL: text.default('gpt-4.1-mini'),
  OPENAI_STT_MODEL: text.default('gpt-4o-transcribe'),
  OPENAI_STT_LANGUAGE: text.optional(),
  OPENAI_TTS_MODEL: text.default('gpt-4o-mini-tts'),
  OPENAI_TTS_VOICE: text.default('marin'),
  OPENAI_REALTIME_MODEL: text.default('gpt-realtime'),
  OPENAI_REALTIME_VOICE: text.default('marin'),
  GEMINI_API_KEY: text.optional(),
  GEMINI_BASE_URL: url('http', 'https').optional(),
  GEMINI_MODEL: text.default('gemini-3.5-flash-lite'),
  GEMINI_REALTIME_MODEL: text.default('gemini-3.8-live'),
  GEMINI_REALTIME_VOICE: text.default('Kore'),
  LITELLM_API_KEY: text.default('none'),
  LITELLM_BASE_URL: url('http', 'https').optional(),
  LITELLM_MODEL: text.optional(),
  SARVAM_API_KEY: text.optional(),
  SARVAM_BASE_URL: url('http', 'https', 'ws', 'wss').optional(),
  SARVAM_STT_MODEL: text.default('saaras:v3'),
  SARVAM_TTS_MODEL: text.default('bulbul:v3'),
  SARVAM_VOICE: text.default('shubh'),
  SARVAM_LANGUAGE: text.default('en-IN'),
  AZURE_SPEECH_KEY: text.optional(),
  AZURE_SPEECH_REGION: text.default('westeurope'),
  AZURE_SPEECH_BASE_URL: url('http', 'https', 'ws', 'wss').optional(),
  AZURE_SPEECH_LANGUAGE: text.default('en-US'),
  AZURE_SPEECH_VOICE: text.default('en-US-AvaMultilingualNeural'),
  AZURE_OPENAI_API_KEY: text.optional(),
  AZURE_OPENAI_ENDPOINT: url('http', 'https').optional(),
  AZURE_OPENAI_REALTIME_DEPLOYMENT: text.optional(),
  AZURE_OPENAI_REALTIME_VOICE: text.default('marin'),
};

type Values = z.output<z.ZodObject<typeof vendorSettingsVariables>>;

/** The vendors whose settings are complete, each with its key, address and models; `baseUrl` unset means the vendor's own. */
export type VendorSettings = ReturnType<typeof vendorSettingsOf>;

/** The settings of those variables; a vendor without its key is absent. */
export function vendorSettingsOf(e: Values) {
  return {
    deepgram: keyed(e.DEEPGRAM_API_KEY, {
      baseUrl: e.DEEPGRAM_BASE_URL,
      model: e.DEEPGRAM_MODEL,
      fluxModel: e.DEEPGRAM_FLUX_MODEL,
      language: e.DEEPGRAM_LANGUAGE,
    }),
    anthropic: keyed(e.ANTHROPIC_API_KEY, { baseUrl: e.ANTHROPIC_BASE_URL, model: e.ANTHROPIC_MODEL }),
    cartesia: keyed(e.CARTESIA_API_KEY, {
      baseUrl: e.CARTESIA_BASE_URL,
      model: e.CARTESIA_MODEL,
      voiceId: e.CARTESIA_VOICE_ID,
      language: e.CARTESIA_LANGUAGE,
      speed: e.CARTESIA_SPEED,
      pronunciationDictionaryId: e.CARTESIA_PRONUNCIATION_DICTIONARY_ID,
    }),
    openai: keyed(e.OPENAI_API_KEY, {
      baseUrl: e.OPENAI_BASE_URL,
      llmModel: e.OPENAI_LLM_MODEL,
      sttModel: e.OPENAI_STT_MODEL,
      sttLanguage: e.OPENAI_STT_LANGUAGE,
      ttsModel: e.OPENAI_TTS_MODEL,
      ttsVoice: e.OPENAI_TTS_VOICE,
      realtimeModel: e.OPENAI_REALTIME_MODEL,
      realtimeVoice: e.OPENAI_REALTIME_VOICE,
    }),
    gemini: keyed(e.GEMINI_API_KEY, {
      baseUrl: e.GEMINI_BASE_URL,
      model: e.GEMINI_MODEL,
      realtimeModel: e.GEMINI_REALTIME_MODEL,
      realtimeVoice: e.GEMINI_REALTIME_VOICE,
    }),
    litellm:
      e.LITELLM_BASE_URL === undefined || e.LITELLM_MODEL === undefined
        ? undefined
        : { apiKey: e.LITELLM_API_KEY, baseUrl: e.LITELLM_BASE_URL, model: e.LITELLM_MODEL },
    sarvam: keyed(e.SARVAM_API_KEY, {
      baseUrl: e.SARVAM_BASE_URL,
      sttModel: e.SARVAM_STT_MODEL,
      ttsModel: e.SARVAM_TTS_MODEL,
      voice: e.SARVAM_VOICE,
      language: e.SARVAM_LANGUAGE,
    }),
    azureSpeech: keyed(e.AZURE_SPEECH_KEY, {
      region: e.AZURE_SPEECH_REGION,
      baseUrl: e.AZURE_SPEECH_BASE_URL,
      language: e.AZURE_SPEECH_LANGUAGE,
      voice: e.AZURE_SPEECH_VOICE,
    }),
    azureOpenai:
      e.AZURE_OPENAI_ENDPOINT === undefined || e.AZURE_OPENAI_REALTIME_DEPLOYMENT === undefined
        ? undefined
        : keyed(e.AZURE_OPENAI_API_KEY, {
            endpoint: e.AZURE_OPENAI_ENDPOINT,
            deployment: e.AZURE_OPENAI_REALTIME_DEPLOYMENT,
            voice: e.AZURE_OPENAI_REALTIME_VOICE,
          }),
  };
}

function keyed<T extends object>(apiKey: string | undefined, settings: T): ({ apiKey: string } & T) | undefined {
  return apiKey === undefined ? undefined : { apiKey, ...settings };
}
