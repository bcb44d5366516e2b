import { secret, text, url } from './environment.ts';

/** Variables that name the LiveKit server. */
export const livekitVariables = {
  LIVEKIT_URL: url('ws', 'wss', 'http', 'https'),
  LIVEKIT_API_KEY: text,
  LIVEKIT_API_SECRET: secret,
};

/** Where the LiveKit server is and how to sign for it. */
export interface LiveKitConfig {
  url: string;
  apiKey: string;
  apiSecret: string;
}

/** The settings of those variables. */
export function livekitOf(e: Record<keyof typeof livekitVariables, string>): LiveKitConfig {
  return { url: e.LIVEKIT_URL, apiKey: e.LIVEKIT_API_KEY, apiSecret: e.LIVEKIT_API_SECRET };
}
