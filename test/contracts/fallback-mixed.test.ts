import { initializeLogger, llm, stt } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { FallbackEvent } from '../../providers/fallback/event.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackLLM } from '../../providers/fallback/llm.ts';
import { FallbackSTT } from '../../providers/fallback/stt.ts';
import { AnthropicLLM } from '../../providers/llm/anthropic.ts';
import { GeminiLLM } from '../../providers/llm/gemini.ts';
import { OpenAIChatLLM } from '../../providers/llm/openai-chat.ts';
import { OpenAIResponsesLLM } from '../../providers/llm/openai-responses.ts';
import { AzureSTT } from '../../providers/stt/azure.ts';
import { DeepgramSTT } from '../../providers/stt/deepgram.ts';
import { DeepgramFluxSTT } from '../../providers/stt/deepgram-flux.ts';
import { OpenAISTT } from '../../providers/stt/openai.ts';
import { SarvamSTT } from '../../providers/stt/sarvam.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { azureSpeechPrefix, azureSpeechStandIn } from '../../sandbox/azure-speech.ts';
import { deepgramStandIn, loadLines } from '../../sandbox/deepgram.ts';
import { geminiStandIn } from '../../sandbox/gemini.ts';
import { litellmStandIn, openaiChatStandIn } from '../../sandbox/openai-chat.ts';
import { openaiRealtimeStandIn } from '../../sandbox/openai-realtime-socket.ts';
import { openaiResponsesStandIn } from '../../sandbox/openai-responses.ts';
import { sarvamStandIn } from '../../sandbox/sarvam.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import { Caller } from './stt-caller.ts';

const patience = { timeout: 10_000, interval: 20 };
const apiKey = 'a-key';

const models: Record<string, { vendor: Vendor; create(url: string): llm.LLM }> = {
  anthropic: {
    vendor: 'anthropic',
    create: (url) => new AnthropicLLM({ apiKey, baseUrl: url, model: 'claude-haiku-4-5' }),
  },
  chat: {
    vendor: 'openai',
    create: (url) => new OpenAIChatLLM({ apiKey, baseUrl: `${url}/openai/v1`, model: 'gpt-4.1-mini' }),
  },
  gemini: {
    vendor: 'gemini',
    create: (url) => new GeminiLLM({ apiKey, baseUrl: `${url}/gemini`, model: 'gemini-3.5-flash-lite' }),
  },
  litellm: {
    vendor: 'litellm',
    create: (url) =>
      new OpenAIChatLLM({ apiKey, baseUrl: `${url}/litellm/v1`, model: 'local/strict', provider: 'litellm' }),
  },
  responses: {
    vendor: 'openai',
    create: (url) => new OpenAIResponsesLLM({ apiKey, baseUrl: `${url}/openai/v1`, model: 'gpt-4.1-mini' }),
  },
};

const recognisers: Record<string, { vendor: Vendor; create(url: string): stt.STT }> = {
  deepgram: {
    vendor: 'deepgram',
    create: (baseUrl) => new DeepgramSTT({ apiKey, baseUrl, model: 'nova-3', language: 'multi' }),
  },
  flux: {
    vendor: 'deepgram',
    create: (baseUrl) => new DeepgramFluxSTT({ apiKey, baseUrl, model: 'flux-general-multi' }),
  },
  openai: {
    vendor: 'openai',
    create: (url) => new OpenAISTT({ apiKey, model: 'gpt-4o-mini-transcribe', baseUrl: `${url}/openai/v1` }),
  },
  sarvam: {
    vendor: 'sarvam',
    create: (url) => new SarvamSTT({ apiKey, baseUrl: `${url}/sarvam`, model: 'saaras:v3' }),
  },
  azure: {
    vendor: 'azure-speech',
    create: (url) => new AzureSTT({ apiKey, baseUrl: `${url}${azureSpeechPrefix}`, language: ['en-US', 'nl-NL'] }),
  },
};

describe('fallback from any vendor to any other', async () => {
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  let sandbox: Sandbox;
  let health: VendorHealth;
  let falls: FallbackEvent[];

  const start = async (...standIns: Parameters<typeof startSandbox>[0]) => {
    sandbox = await startSandbox(standIns);
  };
  const common = () => ({ health, onFallback: (event: FallbackEvent) => falls.push(event) });

  beforeEach(() => {
    initializeLogger({ pretty: false, level: 'silent' });
    health = new VendorHealth();
    falls = [];
  });

  afterEach(async () => {
    health.close();
    await sandbox.close();
    const faults = ['unexpected-request', 'stand-in-failed'].flatMap((event) => sandbox.log.events({ event }));
    expect(faults).toEqual([]);
  });

  const names = Object.keys(models);
  it.each(names.map((name, index) => [name, [...names.slice(index), ...names.slice(0, index)]] as const))(
    'language models: a reply begun by %s is finished by the others',
    async (_, order) => {
      await start(anthropicStandIn, openaiChatStandIn, openaiResponsesStandIn, litellmStandIn, geminiStandIn);
      sandbox.settings.delays = { ...sandbox.settings.delays, llmFirstTokenMs: 0, llmTokensPerSecond: 300 };
      const members = order.map((key) => ({ key, llm: (models[key] as (typeof models)[string]).create(sandbox.url) }));
      const model = new FallbackLLM({ ...common(), members });
      const ask = () =>
        model
          .chat({
            chatCtx: new llm.ChatContext([
              llm.ChatMessage.create({ role: 'system', content: 'You are friendly.' }),
              llm.ChatMessage.create({ role: 'user', content: 'tell me a long story' }),
            ]),
            connOptions: { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 },
          })
          .collect();
      const whole = (await ask()).text;
      for (const key of order) {
        const { vendor } = models[key] as (typeof models)[string];
        sandbox.settings.setFailure(vendor, { mode: 'close', afterMs: 80, times: vendor === 'openai' ? 2 : 1 });
      }
      const last = models[order.at(-1) as string] as (typeof models)[string];
      if (last.vendor !== 'openai') sandbox.settings.setFailure(last.vendor, null);
      else sandbox.settings.setFailure('openai', { mode: 'close', afterMs: 80, times: 1 });
      expect((await ask()).text).toBe(whole);
      expect(falls.map(({ from, to }) => [from, to])).toEqual(
        order.slice(0, -1).map((key, index) => [key, order[index + 1]]),
      );
      await model.aclose();
    },
  );

  const others = Object.keys(recognisers).filter((name) => name !== 'deepgram');
  it.each([...others.map((name) => ['deepgram', name]), ...others.map((name) => [name, 'deepgram'])] as [
    string,
    string,
  ][])('recognisers: %s dies in the middle of an utterance, %s hears all of it', async (first, second) => {
    await start(deepgramStandIn(lines), openaiRealtimeStandIn(lines), sarvamStandIn(lines), azureSpeechStandIn(lines));
    const dying = recognisers[first] as (typeof recognisers)[string];
    const heir = recognisers[second] as (typeof recognisers)[string];
    const other = await startSandbox([
      deepgramStandIn(lines),
      openaiRealtimeStandIn(lines),
      sarvamStandIn(lines),
      azureSpeechStandIn(lines),
    ]);
    const members = [
      { key: first, stt: dying.create(other.url) },
      { key: second, stt: heir.create(sandbox.url) },
    ];
    const recogniser = new FallbackSTT({ ...common(), members });
    const said = ['en-name', 'en-reminder', 'en-goal'].map((id) => {
      const line = lines.find((each) => each.id === id);
      if (!line) throw new Error(`no line ${id}`);
      return line;
    });
    const caller = new Caller(recogniser);
    const plain = (texts: readonly string[]) => texts.map((text) => text.toLowerCase().replace(/[^\p{L}\p{N} ]/gu, ''));
    const expectHeard = (count: number) =>
      vi.waitFor(
        () => expect(plain(caller.finals)).toEqual(plain(said.slice(0, count).map(({ text }) => text))),
        patience,
      );
    const [one, two, three] = said.map(({ samples }) => samples) as [Int16Array, Int16Array, Int16Array];
    caller.say(one);
    await expectHeard(1);
    const half = Math.floor(two.length / 2);
    caller.push(two.slice(0, half));
    await vi.waitFor(() => expect(other.log.events({ event: 'speech-started' })).toHaveLength(2), patience);
    await other.close();
    caller.say(two.slice(half));
    await expectHeard(2);
    if (members[1]?.stt.capabilities.alignedTranscript === 'word') {
      const heard = caller.of(stt.SpeechEventType.FINAL_TRANSCRIPT)[1]?.alternatives?.[0];
      const startSeconds = one.length / 16_000 + 0.6;
      expect(Math.abs((heard?.startTime ?? 0) - startSeconds)).toBeLessThan(0.1);
    }
    caller.say(three);
    await expectHeard(3);
    expect(falls).toMatchObject([{ from: first, to: second }]);
    await recogniser.close();
  });
});
