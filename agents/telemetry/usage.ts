import type { metrics } from '@livekit/agents';
import { costDollars } from '../../domain/vendor-prices.ts';

/** What one request to a vendor took. */
export interface VendorUsage {
  port: 'stt' | 'llm' | 'tts' | 'realtime';
  vendor: string;
  model: string;
  tokens: { prompt: number; cached: number; completion: number };
  audioSeconds: number;
  characters: number;
  /** By list prices; null where none is known. */
  costDollars: number | null;
}

const noTokens = { prompt: 0, cached: 0, completion: 0 };

/** What the framework measured of a request; undefined for what no vendor is asked for. */
export function usageOf(measured: metrics.AgentMetrics): VendorUsage | undefined {
  const { modelProvider: vendor = 'unknown', modelName: model = 'unknown' } =
    'metadata' in measured ? (measured.metadata ?? {}) : {};
  const common = { vendor, model, tokens: noTokens, audioSeconds: 0, characters: 0 };
  switch (measured.type) {
    case 'llm_metrics': {
      const { promptTokens, promptCachedTokens: cachedTokens, completionTokens } = measured;
      const tokens = { prompt: promptTokens, cached: cachedTokens, completion: completionTokens };
      const cost = costDollars(vendor, model, { promptTokens, cachedTokens, completionTokens });
      return { ...common, port: 'llm', tokens, costDollars: cost };
    }
    case 'stt_metrics': {
      const audioSeconds = measured.audioDurationMs / 1_000;
      return { ...common, port: 'stt', audioSeconds, costDollars: costDollars(vendor, model, { audioSeconds }) };
    }
    case 'tts_metrics': {
      const audioSeconds = measured.audioDurationMs / 1_000;
      const characters = measured.charactersCount;
      const cost = costDollars(vendor, model, { audioSeconds, characters });
      return { ...common, port: 'tts', audioSeconds, characters, costDollars: cost };
    }
    case 'realtime_model_metrics': {
      const { inputTokens: prompt, outputTokens: completion } = measured;
      const cached = measured.inputTokenDetails?.cachedTokens ?? 0;
      // Tokens of audio and of text are priced apart, and vendors count them differently.
      return { ...common, port: 'realtime', tokens: { prompt, cached, completion }, costDollars: null };
    }
    default:
      return undefined;
  }
}

/** Adds up what was used for one turn. */
export class TurnUsage {
  tokens = { ...noTokens };
  /** Null as soon as something was used whose price is not known. */
  costDollars: number | null = 0;
  /** Who did it last, by port, and with which model. */
  readonly vendors: Partial<Record<VendorUsage['port'], Pick<VendorUsage, 'vendor' | 'model'>>> = {};

  add({ port, vendor, model, tokens, costDollars: cost }: VendorUsage): void {
    this.tokens.prompt += tokens.prompt;
    this.tokens.cached += tokens.cached;
    this.tokens.completion += tokens.completion;
    this.costDollars = cost === null || this.costDollars === null ? null : this.costDollars + cost;
    this.vendors[port] = { vendor, model };
  }
}
