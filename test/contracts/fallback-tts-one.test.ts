import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackTTS } from '../../providers/fallback/tts.ts';
import { CartesiaTTS } from '../../providers/tts/cartesia.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { describeTtsContract } from './tts-suite.ts';

const voice = { apiKey: 'sandbox', model: 'sonic-3', voiceId: 'f786b574-daa5-4673-aa0c-cbe3e8534c02', language: 'nl' };

describeTtsContract('FallbackTTS over one member', {
  vendor: 'cartesia',
  standIn: cartesiaStandIn,
  create: (options) =>
    new FallbackTTS({
      members: [{ key: 'tts:one', tts: new CartesiaTTS({ ...voice, ...options }) }],
      health: new VendorHealth(),
    }),
});
