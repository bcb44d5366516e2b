import type { Environment } from '../core/config/environment.ts';
import { type Port, ports, type VendorName } from '../core/config/vendor-names.ts';
import { chosenVendors, readVendorOrders } from '../core/config/vendors.ts';

/** One thing that a stack needs a vendor for, and how its stand-in is found in the sandbox. */
export interface VendorPart {
  /** `STT`, `LLM`, ... */
  part: string;
  /** As people call it. */
  vendor: string;
  /** The variables of an account, which a stand-in takes any value for. */
  account: Readonly<Record<string, string>>;
  /** Of these, the one whose absence asks for the stand-in. */
  key: string;
  baseUrl: string;
  /** Path of the stand-in; empty for the root. */
  path: string;
}

type Place = Omit<VendorPart, 'part' | 'vendor'>;

const place = (key: string, baseUrl: string, path = '', account: Readonly<Record<string, string>> = {}): Place => ({
  key,
  baseUrl,
  path,
  account: { [key]: 'stand-in', ...account },
});

const openai = place('OPENAI_API_KEY', 'OPENAI_BASE_URL', '/openai/v1');
const gemini = place('GEMINI_API_KEY', 'GEMINI_BASE_URL', '/gemini');
const deepgram = place('DEEPGRAM_API_KEY', 'DEEPGRAM_BASE_URL');
const sarvam = place('SARVAM_API_KEY', 'SARVAM_BASE_URL', '/sarvam');
const azureSpeech = place('AZURE_SPEECH_KEY', 'AZURE_SPEECH_BASE_URL', '/azure-speech');

const places: { readonly [P in Port]: { readonly [Name in VendorName<P>]: Place } } = {
  stt: { deepgram, 'deepgram-flux': deepgram, openai, sarvam, azure: azureSpeech },
  llm: {
    anthropic: place('ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'),
    openai,
    'openai-chat': openai,
    gemini,
    litellm: place('LITELLM_BASE_URL', 'LITELLM_BASE_URL', '/litellm/v1', { LITELLM_MODEL: 'stand-in' }),
  },
  tts: { cartesia: place('CARTESIA_API_KEY', 'CARTESIA_BASE_URL'), openai, sarvam, azure: azureSpeech },
  realtime: {
    openai,
    gemini,
    azure: place('AZURE_OPENAI_API_KEY', 'AZURE_OPENAI_ENDPOINT', '/azure-openai/openai/v1', {
      AZURE_OPENAI_REALTIME_DEPLOYMENT: 'gpt-realtime',
    }),
  },
};

const files: VendorPart = { part: 'files', vendor: 'OpenAI', ...openai };

/**
 * Every vendor that an environment chooses, by what it does, and the one that transcribes files.
 * @throws ConfigError when an order names one that is not known.
 */
export function vendorParts(env: Environment): VendorPart[] {
  const chosen = chosenVendors(readVendorOrders(env));
  const parts = ports.flatMap((port) =>
    chosen
      .filter(([of]) => of === port)
      .map(([, vendor]) => ({ part: titles[port], vendor: vendorTitles[vendor], ...placeOf(port, vendor) })),
  );
  return [...parts, files];
}

const vendorTitles: Record<VendorName, string> = {
  deepgram: 'Deepgram',
  'deepgram-flux': 'Deepgram Flux',
  openai: 'OpenAI',
  'openai-chat': 'OpenAI (chat completions)',
  sarvam: 'Sarvam',
  azure: 'Azure',
  anthropic: 'Anthropic',
  gemini: 'Gemini',
  litellm: 'LiteLLM',
  cartesia: 'Cartesia',
};

const titles: Record<Port, string> = { stt: 'STT', llm: 'LLM', tts: 'TTS', realtime: 'realtime' };

function placeOf(port: Port, vendor: VendorName): Place {
  return (places[port] as Readonly<Record<string, Place>>)[vendor] as Place;
}
