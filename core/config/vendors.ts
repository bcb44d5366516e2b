import { z } from 'zod';
import { ConfigError, type FieldFault } from '../errors.ts';
import { defaults } from '../limits.ts';
import { type Environment, integer, names, parseEnvironment, text } from './environment.ts';
import { isVendorOf, type Port, ports, unknownVendor, type VendorName, type VendorOrder } from './vendor-names.ts';
import { type VendorSettings, vendorSettingsOf, vendorSettingsVariables } from './vendor-settings.ts';

const order = <P extends Port>(port: P) =>
  names.transform((list, context) => {
    for (const name of list) {
      if (!isVendorOf(port, name)) context.addIssue({ code: 'custom', message: unknownVendor(port, name) });
    }
    return list as VendorName<P>[];
  });

/** `dictation.stt=azure,deepgram; concierge.llm=openai`. */
const agentOrders = text.transform((value, context) => {
  const agents: Record<string, Partial<VendorOrder>> = {};
  for (const entry of value.split(';').filter((part) => part.trim())) {
    const [, agent = '', port = '', list = ''] = /^\s*([a-z]+)\.([a-z]+)\s*=\s*(.+?)\s*$/.exec(entry) ?? [];
    if (!agent || !isPort(port)) {
      context.addIssue({
        code: 'custom',
        message: `needs entries such as "dictation.stt=azure,deepgram" with one of ${ports.join(', ')}, separated by ";"`,
      });
      return z.NEVER;
    }
    const vendors = list.split(',').map((name) => name.trim());
    for (const name of vendors) {
      if (!isVendorOf(port, name)) context.addIssue({ code: 'custom', message: unknownVendor(port, name) });
    }
    agents[agent] = { ...agents[agent], [port]: vendors };
  }
  return agents;
});

const orderVariables = {
  PARLEY_STT: order('stt').default(['deepgram']),
  PARLEY_LLM: order('llm').default(['anthropic']),
  PARLEY_TTS: order('tts').default(['cartesia']),
  PARLEY_REALTIME: order('realtime').default([]),
  PARLEY_AGENT_VENDORS: agentOrders.default({}),
};

/** Variables about language models alone, for a process that takes no calls. */
export const modelsVariables = { PARLEY_LLM: orderVariables.PARLEY_LLM, ...vendorSettingsVariables };

/** The language models that can be reached, in the order they are tried; none where no key is set. */
export interface ModelsConfig {
  order: VendorName<'llm'>[];
  settings: VendorSettings;
}

/** The language models of those variables. One without its key is left out: what they are asked for can be done without. */
export function modelsOf(e: z.output<z.ZodObject<typeof modelsVariables>>): ModelsConfig {
  const settings = vendorSettingsOf(e);
  return { order: e.PARLEY_LLM.filter((name) => isConfigured(settings, 'llm', name)), settings };
}

/** Variables about vendors. */
export const vendorsVariables = {
  ...orderVariables,
  ...vendorSettingsVariables,
  FALLBACK_STT_STALL_MS: integer(500, 60_000).default(defaults.sttStallMs),
  FALLBACK_LLM_FIRST_CHUNK_MS: integer(200, 60_000).default(defaults.llmFirstChunkMs),
  FALLBACK_TTS_FIRST_AUDIO_MS: integer(200, 60_000).default(defaults.ttsFirstAudioMs),
};

/** Which vendors take part in calls, in which order, how to reach them, and how long each is waited for. */
export interface VendorsConfig {
  order: VendorOrder;
  /** Agents of the roster that have orders of their own, by port. */
  agents: Readonly<Record<string, Partial<VendorOrder>>>;
  settings: VendorSettings;
  fallback: {
    /** Speech without any transcript for this long moves on to the next recogniser. */
    sttStallMs: number;
    /** A model without text or tool call for this long is left for the next one. */
    llmFirstChunkMs: number;
    /** A voice without audio for this long is left for the next one. */
    ttsFirstAudioMs: number;
  };
}

/**
 * The orders of an environment alone, whether or not the vendors can be reached.
 * @throws ConfigError for a name that is not known.
 */
export function readVendorOrders(env: Environment): Pick<VendorsConfig, 'order' | 'agents'> {
  return ordersOf(parseEnvironment(z.object(orderVariables), env));
}

function ordersOf(e: z.output<z.ZodObject<typeof orderVariables>>): Pick<VendorsConfig, 'order' | 'agents'> {
  return {
    order: { stt: e.PARLEY_STT, llm: e.PARLEY_LLM, tts: e.PARLEY_TTS, realtime: e.PARLEY_REALTIME },
    agents: e.PARLEY_AGENT_VENDORS,
  };
}

type Values = z.output<z.ZodObject<typeof vendorsVariables>>;

/**
 * The vendors of those variables.
 * @throws ConfigError naming each variable that a chosen vendor needs and that is not set.
 */
export function vendorsOf(e: Values): VendorsConfig {
  const config: VendorsConfig = {
    ...ordersOf(e),
    settings: vendorSettingsOf(e),
    fallback: {
      sttStallMs: e.FALLBACK_STT_STALL_MS,
      llmFirstChunkMs: e.FALLBACK_LLM_FIRST_CHUNK_MS,
      ttsFirstAudioMs: e.FALLBACK_TTS_FIRST_AUDIO_MS,
    },
  };
  const faults = missingSettings(config);
  if (faults.length) throw new ConfigError(faults);
  return config;
}

/** What has to be set for a vendor to take part. */
const needs: { readonly [P in Port]: { readonly [Name in VendorName<P>]: readonly (keyof Values)[] } } = {
  stt: {
    deepgram: ['DEEPGRAM_API_KEY'],
    'deepgram-flux': ['DEEPGRAM_API_KEY'],
    openai: ['OPENAI_API_KEY'],
    sarvam: ['SARVAM_API_KEY'],
    azure: ['AZURE_SPEECH_KEY'],
  },
  llm: {
    anthropic: ['ANTHROPIC_API_KEY'],
    openai: ['OPENAI_API_KEY'],
    'openai-chat': ['OPENAI_API_KEY'],
    gemini: ['GEMINI_API_KEY'],
    litellm: ['LITELLM_BASE_URL', 'LITELLM_MODEL'],
  },
  tts: {
    cartesia: ['CARTESIA_API_KEY'],
    openai: ['OPENAI_API_KEY'],
    sarvam: ['SARVAM_API_KEY'],
    azure: ['AZURE_SPEECH_KEY'],
  },
  realtime: {
    openai: ['OPENAI_API_KEY'],
    gemini: ['GEMINI_API_KEY'],
    azure: ['AZURE_OPENAI_API_KEY', 'AZURE_OPENAI_ENDPOINT', 'AZURE_OPENAI_REALTIME_DEPLOYMENT'],
  },
};

/** The variables that a vendor of a port needs. */
export function variablesOf<P extends Port>(port: P, name: VendorName<P>): readonly string[] {
  return needs[port][name];
}

/** Every vendor that a configuration names, by port. */
export function chosenVendors({ order, agents }: Pick<VendorsConfig, 'order' | 'agents'>): [Port, VendorName][] {
  return ports.flatMap((port) => {
    const orders = [order, ...Object.values(agents)].map((each): readonly VendorName[] => each[port] ?? []);
    return [...new Set(orders.flat())].map((name): [Port, VendorName] => [port, name]);
  });
}

function missingSettings(config: VendorsConfig): FieldFault[] {
  const faults = new Map<string, FieldFault>();
  for (const [port, name] of chosenVendors(config)) {
    if (isConfigured(config.settings, port, name)) continue;
    for (const field of variablesOf(port, name as never)) {
      faults.set(field, { field, message: `is not set, and ${name} is chosen for ${port}` });
    }
  }
  return [...faults.values()];
}

/** Whether everything is set that a vendor of a port needs. */
export function isConfigured(settings: VendorSettings, port: Port, name: VendorName): boolean {
  return settingsOf(settings, port, name) !== undefined;
}

/** The settings of a vendor of a port; undefined where they are not complete. */
export function settingsOf(settings: VendorSettings, port: Port, name: VendorName) {
  return settings[port === 'realtime' && name === 'azure' ? 'azureOpenai' : owners[name]];
}

const owners = {
  deepgram: 'deepgram',
  'deepgram-flux': 'deepgram',
  openai: 'openai',
  'openai-chat': 'openai',
  sarvam: 'sarvam',
  azure: 'azureSpeech',
  anthropic: 'anthropic',
  gemini: 'gemini',
  litellm: 'litellm',
  cartesia: 'cartesia',
} as const satisfies Record<VendorName, keyof VendorSettings>;

function isPort(name: string): name is Port {
  return (ports as string[]).includes(name);
}
