import type { llm, stt } from '@livekit/agents';
import type { Port, VendorName } from '../core/config/vendor-names.ts';
import type { VendorSettings } from '../core/config/vendor-settings.ts';
import { isConfigured, type VendorsConfig } from '../core/config/vendors.ts';
import type { FallbackEvent } from './fallback/event.ts';
import type { VendorHealth } from './fallback/health.ts';
import { FallbackLLM } from './fallback/llm.ts';
import { FallbackSTT } from './fallback/stt.ts';
import { FallbackTTS } from './fallback/tts.ts';
import type { Probed } from './probe.ts';
import { type Loaders, type Make, models, realtimeModels, recognisers, voices, type WarmableTTS } from './vendors.ts';

/** What the composites of a call share. */
export interface ProviderOptions {
  /** Of all calls of this process, and with it of the worker. */
  health: VendorHealth;
  /** Told of each vendor that is given up for another. */
  onFallback?: (event: FallbackEvent) => void;
}

/** Makes the adapters of calls, each a fallback over the vendors of an order; the vendors have to be configured. */
export interface Providers {
  createSTT(options: ProviderOptions, order: readonly VendorName<'stt'>[]): stt.STT;
  createLLM(options: ProviderOptions, order: readonly VendorName<'llm'>[]): llm.LLM;
  createTTS(options: ProviderOptions, order: readonly VendorName<'tts'>[]): WarmableTTS;
  createRealtimeModel(name: VendorName<'realtime'>): llm.RealtimeModel & Probed;
}

/** Loads the vendors that are configured, and no other: each SDK costs every call its time and memory. */
export async function loadProviders({ settings, fallback }: VendorsConfig): Promise<Providers> {
  const [recogniser, model, voice, realtimeModel] = await Promise.all([
    load('stt', recognisers, settings),
    load('llm', models, settings),
    load('tts', voices, settings),
    load('realtime', realtimeModels, settings),
  ]);
  return {
    createSTT(options, order) {
      const [first] = order;
      // Alone, its adapter holds on to what was said through a longer absence than a composite does.
      if (order.length === 1 && first === 'deepgram') return recogniser(first, true);
      return new FallbackSTT({
        ...options,
        members: order.map((name) => ({ key: `stt:${name}`, stt: recogniser(name) })),
        stallTimeoutMs: fallback.sttStallMs,
      });
    },
    createLLM: (options, order) =>
      new FallbackLLM({
        ...options,
        members: order.map((name) => ({ key: `llm:${name}`, llm: model(name) })),
        firstChunkTimeoutMs: fallback.llmFirstChunkMs,
      }),
    createTTS: (options, order) =>
      new FallbackTTS({
        ...options,
        members: order.map((name) => ({ key: `tts:${name}`, tts: voice(name) })),
        firstAudioTimeoutMs: fallback.ttsFirstAudioMs,
      }),
    createRealtimeModel: realtimeModel,
  };
}

async function load<P extends Port, T>(
  port: P,
  loaders: Loaders<P, T>,
  settings: VendorSettings,
): Promise<(name: VendorName<P>, retryRefusals?: boolean) => T> {
  const makers = new Map<VendorName<P>, Make<T>>();
  const names = (Object.keys(loaders) as VendorName<P>[]).filter((name) => isConfigured(settings, port, name));
  await Promise.all(names.map(async (name) => makers.set(name, await loaders[name]())));
  return (name, retryRefusals) => {
    const make = makers.get(name);
    if (!make) throw new Error(`${name} is not configured for ${port}: the settings are checked when they are read`);
    return make(settings, retryRefusals);
  };
}
