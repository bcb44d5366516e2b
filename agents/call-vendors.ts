import type { llm, stt, tts } from '@livekit/agents';
import type { Port } from '../core/config/vendor-names.ts';
import { settingsOf, type VendorsConfig } from '../core/config/vendors.ts';
import type { Log } from '../core/log.ts';
import type { TenantVendors } from '../domain/tenant.ts';
import type { FallbackEvent } from '../providers/fallback/event.ts';
import type { VendorHealth } from '../providers/fallback/health.ts';
import type { Providers } from '../providers/index.ts';
import type { WarmableTTS } from '../providers/vendors.ts';
import type { AgentName } from './call.ts';
import type { RequestTimes } from './telemetry/reply-times.ts';
import { AdoptingLLM } from './turns/adopting-llm.ts';
import { NormalizedSTT } from './turns/normalize.ts';
import type { RealtimeMember } from './turns/speech-route.ts';
import { vendorOrder } from './vendor-order.ts';

/** What makes the adapters of a call. */
export interface VendorMakers {
  config: VendorsConfig;
  health: VendorHealth;
  providers: Providers;
}

/** What an agent is made of that differs from what the call began with. */
export interface AgentVendors {
  llm?: llm.LLM;
  stt?: stt.STT;
  tts?: tts.TTS;
}

interface CallVendorsOptions {
  makers: VendorMakers;
  tenant: TenantVendors;
  /** Decorates each recogniser that is made. */
  decorate(recogniser: stt.STT): stt.STT;
  onFallback(event: FallbackEvent): void;
  /** Told of each reply that a model is asked for, and when its request was made. */
  onRequest(chatCtx: llm.ChatContext, times: RequestTimes): void;
  log: Log;
}

/** The vendors of one call: those it begins with, and those of agents that have others. Each order is made once. */
export class CallVendors {
  readonly #options: CallVendorsOptions;
  readonly #made = new Map<string, unknown>();

  constructor(options: CallVendorsOptions) {
    this.#options = options;
  }

  llm(agent: AgentName): llm.LLM {
    const { makers, onRequest } = this.#options;
    return this.#once(
      'llm',
      agent,
      (order) => new AdoptingLLM(makers.providers.createLLM(this.#with(), order), onRequest),
    );
  }

  stt(agent: AgentName): stt.STT {
    return this.#once('stt', agent, (order) =>
      this.#options.decorate(this.#options.makers.providers.createSTT(this.#with(), order)),
    );
  }

  tts(agent: AgentName): WarmableTTS {
    return this.#once('tts', agent, (order) => this.#options.makers.providers.createTTS(this.#with(), order));
  }

  /** Asks the recognisers for final transcripts of what they were given. */
  requestFinal(): void {
    for (const made of this.#made.values()) if (made instanceof NormalizedSTT) made.flush();
  }

  /** The speech-to-speech models that an agent's calls go through, if any. */
  realtime(agent: AgentName): RealtimeMember[] {
    const { providers } = this.#options.makers;
    return this.#order('realtime', agent).map((name) => ({
      key: `realtime:${name}`,
      model: providers.createRealtimeModel(name),
    }));
  }

  /** What the voice of an agent is made by, without any key. */
  voiceOf(agent: AgentName): string {
    const { settings } = this.#options.makers.config;
    return JSON.stringify(
      this.#order('tts', agent).map((name) => [name, { ...settingsOf(settings, 'tts', name), apiKey: undefined }]),
    );
  }

  /**
   * What an agent needs of its own in a call that began with another one: nothing where both have the same vendors, so that
   * sockets are kept at a handoff.
   */
  differing(agent: AgentName, first: AgentName, spoken: boolean): AgentVendors {
    const own: AgentVendors = {};
    if (this.llm(agent) !== this.llm(first)) own.llm = this.llm(agent);
    if (spoken && this.stt(agent) !== this.stt(first)) own.stt = this.stt(agent);
    if (spoken && this.tts(agent) !== this.tts(first)) own.tts = this.tts(agent);
    return own;
  }

  #with() {
    const { makers, onFallback } = this.#options;
    return { health: makers.health, onFallback };
  }

  #order<P extends Port>(port: P, agent: AgentName) {
    const { makers, tenant, log } = this.#options;
    return vendorOrder(port, agent, { config: makers.config, tenant, log });
  }

  #once<P extends 'stt' | 'llm' | 'tts', T>(
    port: P,
    agent: AgentName,
    make: (order: ReturnType<typeof vendorOrder<P>>) => T,
  ): T {
    const order = this.#order(port, agent);
    const key = `${port} ${order.join()}`;
    if (!this.#made.has(key)) this.#made.set(key, make(order));
    return this.#made.get(key) as T;
  }
}
