/** What a vendor charges for one model, list prices without any discount, in dollars. */
export type Price = {
  /** The page the price stands on. */
  source: string;
  /** When it stood there, year and month. */
  asOf: string;
} & (
  | {
      unit: 'million-tokens';
      prompt: number;
      /** Tokens of the prompt that came from the vendor's cache. */
      cached: number;
      completion: number;
    }
  | { unit: 'minute'; audio: number }
  | { unit: 'million-characters'; text: number }
);

/** What one use of a vendor came to. Prompt tokens include the cached ones. */
export type Usage =
  | { promptTokens: number; cachedTokens: number; completionTokens: number }
  | { audioSeconds: number; characters?: number };

const anthropic = { source: 'https://platform.claude.com/docs/en/about-claude/pricing', asOf: '2026-11' } as const;
const openai = { source: 'https://platform.openai.com/docs/pricing', asOf: '2026-06' } as const;
const gemini = { source: 'https://ai.google.dev/gemini-api/docs/pricing', asOf: '2026-05' } as const;
const deepgram = 'https://deepgram.com/pricing';
const cartesia = { source: 'https://cartesia.ai/pricing', asOf: '2026-06' } as const;

const perMillionTokens = (prompt: number, cached: number, completion: number) =>
  ({ unit: 'million-tokens', prompt, cached, completion }) as const;

/** By vendor, then by the names of models, without their versions. */
const prices: Readonly<Record<string, Readonly<Record<string, Price>>>> = {
  anthropic: {
    'claude-haiku-4-5': { ...anthropic, ...perMillionTokens(1, 0.1, 5) },
    'claude-sonnet-4-5': { ...anthropic, ...perMillionTokens(3, 0.3, 15) },
    'claude-sonnet-4-6': { ...anthropic, ...perMillionTokens(3, 0.3, 15) },
    'claude-opus-4-5': { ...anthropic, ...perMillionTokens(5, 0.5, 25) },
    'claude-opus-4-6': { ...anthropic, ...perMillionTokens(5, 0.5, 25) },
  },
  openai: {
    'gpt-4.1': { ...openai, ...perMillionTokens(2, 0.5, 8) },
    'gpt-4.1-mini': { ...openai, ...perMillionTokens(0.4, 0.1, 1.6) },
    // By the tokens of the audio in truth; the page estimates what a minute comes to.
    'gpt-4o-transcribe': { ...openai, unit: 'minute', audio: 0.006 },
    'gpt-4o-mini-transcribe': { ...openai, unit: 'minute', audio: 0.003 },
    'gpt-4o-mini-tts': { ...openai, unit: 'minute', audio: 0.015 },
  },
  gemini: {
    'gemini-2.5-flash': { ...gemini, ...perMillionTokens(0.3, 0.03, 2.5) },
    'gemini-2.5-flash-lite': { ...gemini, ...perMillionTokens(0.1, 0.01, 0.4) },
  },
  deepgram: {
    // Of several languages; one language alone is 0.0048.
    'nova-3': { source: deepgram, asOf: '2026-08', unit: 'minute', audio: 0.0058 },
    'flux-general-en': { source: deepgram, asOf: '2026-11', unit: 'minute', audio: 0.0065 },
    'flux-general-multi': { source: deepgram, asOf: '2026-11', unit: 'minute', audio: 0.0078 },
  },
  cartesia: {
    // A credit a character, by the smallest plan.
    sonic: { ...cartesia, unit: 'million-characters', text: 50 },
  },
};

/** What may follow such a beginning: a version or a date. Anything else makes another model, priced otherwise. */
const version = /^(?:[-@](?:\d.*|latest))?$/;

/** The list price of a vendor's model; undefined where none is known. */
export function priceOf(vendor: string, model: string): Price | undefined {
  const ofVendor = Object.entries(prices[vendor] ?? {});
  return ofVendor.find(([name]) => model.startsWith(name) && version.test(model.slice(name.length)))?.[1];
}

/**
 * What a use of a vendor's model costs by its list price, in dollars: an estimate, before discounts, taxes and what is billed
 * otherwise. Null where the price is not known, or the usage is not of the kind it is for.
 */
export function costDollars(vendor: string, model: string, usage: Usage): number | null {
  const price = priceOf(vendor, model);
  if (!price) return null;
  if ('promptTokens' in usage) {
    if (price.unit !== 'million-tokens') return null;
    const fresh = Math.max(0, usage.promptTokens - usage.cachedTokens);
    const { prompt, cached, completion } = price;
    return (fresh * prompt + usage.cachedTokens * cached + usage.completionTokens * completion) / 1_000_000;
  }
  if (price.unit === 'minute') return (usage.audioSeconds / 60) * price.audio;
  if (price.unit !== 'million-characters' || usage.characters === undefined) return null;
  return (usage.characters * price.text) / 1_000_000;
}
