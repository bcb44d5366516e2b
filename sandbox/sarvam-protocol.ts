import type { Failure } from './settings.ts';
import type { StandInContext } from './stand-in.ts';

/** Why Sarvam refuses a handshake or a message (https://docs.sarvam.ai/api/errors-troubleshooting). */
export interface SarvamRefusal {
  status: number;
  code: string;
  message: string;
}

/** What one accepted connection works with. */
export interface SarvamContext extends StandInContext {
  connection: number;
  query: URLSearchParams;
  failure: Failure | undefined;
}

/** What the vendor answers a failure with; a key it doesn't know is 403 there, not 401. */
export const sarvamRefusals: Partial<Record<Failure['mode'], SarvamRefusal>> = {
  refuse: { status: 403, code: 'invalid_api_key_error', message: 'Invalid API key' },
  'rate-limit': { status: 429, code: 'rate_limit_exceeded_error', message: 'Too many requests' },
  overload: { status: 503, code: 'rate_limit_exceeded_error', message: 'Too much load' },
};

/** JSON, or undefined for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
