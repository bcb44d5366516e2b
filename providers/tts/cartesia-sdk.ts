import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { TTSWS as VendorSocket } from '@cartesia/cartesia-js/resources/tts/ws';
import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

// The SDK's ESM build calls `require('ws')`, which is not defined there; its CommonJS build works.
const require = createRequire(import.meta.url);
const { Cartesia } = require('@cartesia/cartesia-js') as typeof import('@cartesia/cartesia-js');
const { TTSWS } =
  require('@cartesia/cartesia-js/resources/tts/ws') as typeof import('@cartesia/cartesia-js/resources/tts/ws');

export type { VendorSocket };

/** Sample rates of the vendor's raw output, in hertz. */
type CartesiaSampleRateHz = 8000 | 16000 | 22050 | 24000 | 44100 | 48000;

/** What every context of one voice shares. */
export interface CartesiaSettings {
  apiKey: string;
  /** `https:` or, for a server without TLS, `http:`; may have a path. The vendor's own when absent. */
  baseUrl?: string;
  model: string;
  voiceId: string;
  /** The vendor's code (`vendorLanguage` makes it of a BCP 47 tag); it uses its own default when absent. */
  language?: string;
  /** 0.6 to 1.5 times the voice's own speed, with `sonic-3`; models before it take no notice, and neither may those after. */
  speed?: number;
  /** A pronunciation dictionary in the vendor's account; models before `sonic-3` refuse it. */
  pronunciationDictionaryId?: string;
  sampleRateHz: CartesiaSampleRateHz;
  /** Longest silence accepted from the vendor while it owes an answer: in the handshake, or before a chunk of audio. */
  chunkTimeoutMs: number;
}

/** Why the vendor gave no audio, or no more. Messages never hold the vendor's own, which may quote what was said. */
export class CartesiaFailure extends Error {
  readonly #statusCode: number | undefined;
  readonly #timedOut: boolean;

  constructor(message: string, details: { statusCode?: number; timedOut?: boolean } = {}) {
    super(message);
    this.name = new.target.name;
    this.#statusCode = details.statusCode;
    this.#timedOut = details.timedOut ?? false;
  }

  /** The framework's error for it. A refusal that no retry mends (4xx but 408, 429 and 499) is never retryable. */
  toApiError(retryable: boolean): APIError {
    const { message } = this;
    const statusCode = this.#statusCode;
    if (statusCode !== undefined) return new APIStatusError({ message, options: { statusCode, retryable } });
    return this.#timedOut
      ? new APITimeoutError({ message, options: { retryable } })
      : new APIConnectionError({ message, options: { retryable } });
  }
}

/** Codes of the vendor that are not the first part of the BCP 47 tag. */
const otherCodes: Record<string, string> = { nb: 'no', nn: 'no', fil: 'tl' };

/** The vendor's code for a BCP 47 tag: the language without its region (`SupportedLanguage` of the vendor's SDK). */
export function vendorLanguage(tag: string): string {
  const [language = ''] = tag.toLowerCase().split(/[-_]/);
  return otherCodes[language] ?? language;
}

/** Opens the vendor's text-to-speech WebSocket through its SDK; an abort gives it up. Throws `CartesiaFailure`. */
export async function openVendorSocket(settings: CartesiaSettings, signal?: AbortSignal): Promise<VendorSocket> {
  // Null, not undefined: for undefined the SDK would read an environment variable.
  const client = new Cartesia({ apiKey: settings.apiKey, baseURL: settings.baseUrl ?? null });
  const base = new URL(client.baseURL);
  let statusCode: number | undefined;
  let timedOut = false;
  const vendor = new TTSWS(client, {
    finishRequest: (request) => {
      request.prependOnceListener('response', (response) => {
        statusCode = response.statusCode;
      });
      request.end();
    },
    // The SDK makes `wss:` of every URL; with a plain connection beneath, what is spoken is `ws:` again.
    ...(base.protocol === 'http:' && {
      createConnection: () => connect(Number(base.port || 80), base.hostname.replace(/^\[|\]$/g, '')),
    }),
  });
  // Without a listener the SDK makes each error an unhandled rejection. A lost socket is seen by its close.
  vendor.on('error', () => {});
  const timer = setTimeout(() => {
    timedOut = true;
    vendor.close();
  }, settings.chunkTimeoutMs);
  const giveUp = () => vendor.close();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await vendor.connect();
  } catch {
    if (statusCode !== undefined) {
      throw new CartesiaFailure(`Cartesia refused the connection with status ${statusCode}`, { statusCode });
    }
    throw timedOut
      ? new CartesiaFailure(`Cartesia did not open a connection in ${settings.chunkTimeoutMs} ms`, { timedOut })
      : new CartesiaFailure('No connection to Cartesia could be opened');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}
