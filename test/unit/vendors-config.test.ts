import { describe, expect, it } from 'vitest';
import { vendorOrder } from '../../agents/vendor-order.ts';
import { loadWorkerConfig } from '../../core/config/worker.ts';
import { createLog } from '../../core/log.ts';
import { workerEnv, workerFaultsOf } from '../support/worker-env.ts';

describe('the vendors of a worker', () => {
  it('are Deepgram, Anthropic and Cartesia unless others are chosen', () => {
    const { order, agents, settings } = loadWorkerConfig(workerEnv).vendors;
    expect(order).toEqual({ stt: ['deepgram'], llm: ['anthropic'], tts: ['cartesia'], realtime: [] });
    expect(agents).toEqual({});
    expect(settings.openai).toBeUndefined();
  });

  it('are taken in the order that is set, for all agents and for one', () => {
    const { order, agents } = loadWorkerConfig({
      ...workerEnv,
      OPENAI_API_KEY: 'o',
      GEMINI_API_KEY: 'g',
      PARLEY_STT: 'deepgram-flux, openai',
      PARLEY_LLM: 'openai,anthropic',
      PARLEY_REALTIME: 'gemini',
      PARLEY_AGENT_VENDORS: 'dictation.stt = openai ; concierge.llm=gemini,anthropic;dictation.tts=openai',
    }).vendors;
    expect(order).toMatchObject({
      stt: ['deepgram-flux', 'openai'],
      llm: ['openai', 'anthropic'],
      realtime: ['gemini'],
    });
    expect(agents).toEqual({
      dictation: { stt: ['openai'], tts: ['openai'] },
      concierge: { llm: ['gemini', 'anthropic'] },
    });
  });

  it('that are not known are told with those that are', () => {
    expect(workerFaultsOf({ PARLEY_TTS: 'cartesia,elevenlabs' }).PARLEY_TTS).toBe(
      'elevenlabs is not known for tts: known are cartesia, openai, sarvam, azure',
    );
    expect(workerFaultsOf({ PARLEY_AGENT_VENDORS: 'dictation.stt=whisper' }).PARLEY_AGENT_VENDORS).toContain(
      'whisper is not known for stt: known are deepgram',
    );
    expect(workerFaultsOf({ PARLEY_AGENT_VENDORS: 'dictation=deepgram' }).PARLEY_AGENT_VENDORS).toContain(
      'needs entries such as',
    );
  });

  it('that are chosen without their settings stop the start, each by its variable', () => {
    expect(workerFaultsOf({ PARLEY_TTS: 'azure,cartesia', PARLEY_LLM: 'litellm', PARLEY_REALTIME: 'azure' })).toEqual({
      AZURE_SPEECH_KEY: 'is not set, and azure is chosen for tts',
      LITELLM_BASE_URL: 'is not set, and litellm is chosen for llm',
      LITELLM_MODEL: 'is not set, and litellm is chosen for llm',
      AZURE_OPENAI_API_KEY: 'is not set, and azure is chosen for realtime',
      AZURE_OPENAI_ENDPOINT: 'is not set, and azure is chosen for realtime',
      AZURE_OPENAI_REALTIME_DEPLOYMENT: 'is not set, and azure is chosen for realtime',
    });
    expect(workerFaultsOf({ ANTHROPIC_API_KEY: undefined })).toEqual({
      ANTHROPIC_API_KEY: 'is not set, and anthropic is chosen for llm',
    });
  });
});

describe('the order of vendors for an agent', () => {
  const config = loadWorkerConfig({
    ...workerEnv,
    OPENAI_API_KEY: 'o',
    PARLEY_AGENT_VENDORS: 'dictation.stt=openai',
  }).vendors;
  const log = createLog('test', 'silent');

  it('is the one of the agent, else the one of all', () => {
    expect(vendorOrder('stt', 'dictation', { config, tenant: {}, log })).toEqual(['openai']);
    expect(vendorOrder('stt', 'concierge', { config, tenant: {}, log })).toEqual(['deepgram']);
  });

  it('is first of all what the tenant has chosen', () => {
    const tenant = { llm: ['openai', 'anthropic'], agents: { dictation: { stt: ['deepgram', 'openai'] } } };
    expect(vendorOrder('llm', 'concierge', { config, tenant, log })).toEqual(['openai', 'anthropic']);
    expect(vendorOrder('stt', 'dictation', { config, tenant, log })).toEqual(['deepgram', 'openai']);
  });

  it('passes over what the tenant can not have', () => {
    const tenant = { llm: ['gemini', 'openai', 'nobody'], tts: ['azure'] };
    expect(vendorOrder('llm', 'concierge', { config, tenant, log })).toEqual(['openai']);
    expect(vendorOrder('tts', 'concierge', { config, tenant, log })).toEqual(['cartesia']);
  });
});
