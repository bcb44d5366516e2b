import { initializeLogger, type tts } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FallbackEvent } from '../../providers/fallback/event.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackTTS } from '../../providers/fallback/tts.ts';
import { AzureTTS } from '../../providers/tts/azure.ts';
import { CartesiaTTS } from '../../providers/tts/cartesia.ts';
import { OpenAITTS } from '../../providers/tts/openai.ts';
import { SarvamTTS } from '../../providers/tts/sarvam.ts';
import { azureSpeechPrefix, azureSpeechStandIn } from '../../sandbox/azure-speech.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { openaiSpeechStandIn } from '../../sandbox/openai-speech.ts';
import { sarvamStandIn } from '../../sandbox/sarvam.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import { durationMs, hear, speaking } from './tts-caller.ts';

const apiKey = 'a-key';

const voices: Record<string, { vendor: Vendor; create(url: string): tts.TTS }> = {
  cartesia: {
    vendor: 'cartesia',
    create: (baseUrl) =>
      new CartesiaTTS({ apiKey, baseUrl, model: 'sonic-3', voiceId: 'f786b574-daa5-4673-aa0c-cbe3e8534c02' }),
  },
  openai: {
    vendor: 'openai',
    create: (url) => new OpenAITTS({ apiKey, baseUrl: `${url}/openai/v1`, model: 'gpt-4o-mini-tts', voice: 'marin' }),
  },
  sarvam: {
    vendor: 'sarvam',
    create: (url) =>
      new SarvamTTS({ apiKey, baseUrl: `${url}/sarvam`, model: 'bulbul:v2', voice: 'anushka', language: 'en-IN' }),
  },
  azure: {
    vendor: 'azure-speech',
    create: (url) => new AzureTTS({ apiKey, baseUrl: `${url}${azureSpeechPrefix}`, voice: 'en-US-AvaNeural' }),
  },
};

describe('fallback from any voice to any other', () => {
  let sandbox: Sandbox;
  let health: VendorHealth;
  let falls: FallbackEvent[];

  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'silent' });
    sandbox = await startSandbox([cartesiaStandIn, openaiSpeechStandIn, sarvamStandIn([]), azureSpeechStandIn([])]);
    health = new VendorHealth();
    falls = [];
  });

  afterEach(async () => {
    health.close();
    await sandbox.close();
    const faults = ['unexpected-request', 'stand-in-failed'].flatMap((event) => sandbox.log.events({ event }));
    expect(faults).toEqual([]);
  });

  const otherVoices = Object.keys(voices).filter((name) => name !== 'cartesia');
  it.each([...otherVoices.map((name) => ['cartesia', name]), ...otherVoices.map((name) => [name, 'cartesia'])] as [
    string,
    string,
  ][])('%s is cut off, %s says the rest', async (first, second) => {
    const dying = voices[first] as (typeof voices)[string];
    const heir = voices[second] as (typeof voices)[string];
    sandbox.settings.setFailure(dying.vendor, { mode: 'close', afterMs: 300 });
    const members = [
      { key: first, tts: dying.create(sandbox.url) },
      { key: second, tts: heir.create(sandbox.url) },
    ];
    const voice = new FallbackTTS({ health, onFallback: (event) => falls.push(event), members });
    const text = 'Good morning, how can I help you today? On Tuesday at half past nine there is a place left for you.';
    const heard = await hear(speaking(voice, [text], 0));
    expect(falls).toMatchObject([{ from: first, to: second }]);
    expect(heard.audio.at(-1)?.final).toBe(true);
    const rest = sandbox.log
      .events({ vendor: heir.vendor, event: 'context-completed' })
      .map(({ transcript }) => String(transcript))
      .join('');
    expect(text.endsWith(rest)).toBe(true);
    expect(rest.length).toBeLessThan(text.length);
    expect(rest.length).toBeGreaterThan(text.length / 4);
    // All of it, once: as long as the whole of it takes, whoever says which part.
    health.succeeded(first);
    sandbox.settings.setFailure(dying.vendor, null);
    const wholeMs = durationMs(await hear(speaking(voice, [text], 0)));
    expect(durationMs(heard) / wholeMs).toBeGreaterThan(0.8);
    expect(durationMs(heard) / wholeMs).toBeLessThan(1.25);
    await voice.close();
  });
});
