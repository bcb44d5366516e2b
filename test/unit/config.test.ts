import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadApiConfig } from '../../core/config/api.ts';
import type { Environment } from '../../core/config/environment.ts';
import { loadJobsConfig } from '../../core/config/jobs.ts';
import { loadWorkerConfig } from '../../core/config/worker.ts';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { ConfigError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';

const secret = 'x'.repeat(32);
const livekit = { LIVEKIT_URL: 'ws://127.0.0.1:7880', LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: secret };
const data = { DATABASE_SERVICE_URL: 'postgres://service@127.0.0.1/parley', ENCRYPTION_KEY: 'ab'.repeat(32) };
const api: Environment = {
  ...livekit,
  ...data,
  DATABASE_URL: 'postgres://user@127.0.0.1/parley',
  JWT_SECRET: secret,
  DEVELOPMENT_TOKEN: secret,
};
const worker: Environment = {
  ...livekit,
  API_URL: 'http://127.0.0.1:8080',
  DEEPGRAM_API_KEY: 'd',
  ANTHROPIC_API_KEY: 'a',
  CARTESIA_API_KEY: 'c',
};

describe("the API's configuration", () => {
  it('needs no more than the essentials', () => {
    expect(loadApiConfig(api)).toEqual({
      livekit: { url: 'ws://127.0.0.1:7880', publicUrl: 'ws://127.0.0.1:7880', apiKey: 'key', apiSecret: secret },
      host: '0.0.0.0',
      port: 8080,
      database: { url: api.DATABASE_URL, serviceUrl: data.DATABASE_SERVICE_URL, poolSize: 10 },
      encryptionKeys: parseEncryptionKeys(data.ENCRYPTION_KEY),
      http: { corsOrigins: ['*'], trustedProxies: expect.any(BlockList), rateLimitScale: 1 },
      jwtSecret: secret,
      accounts: { jwtAlgorithm: 'HS256', issuers: [] },
      developmentToken: secret,
      agentNames: ['parley'],
      tokenTtlSeconds: defaults.tokenTtlSeconds,
      agentJoinTimeoutMs: defaults.agentJoinTimeoutMs,
      packs: ['nl-dental'],
      logLevel: 'info',
    });
  });

  it('reads lists, numbers and the address clients are told', () => {
    const config = loadApiConfig({
      ...api,
      AGENT_NAMES: 'parley, oracy,',
      API_PORT: '9000',
      LIVEKIT_PUBLIC_URL: 'wss://rooms.example.test',
    });
    expect(config).toMatchObject({ agentNames: ['parley', 'oracy'], port: 9000 });
    expect(config.livekit.publicUrl).toBe('wss://rooms.example.test');
  });

  it.each([
    ['whisper-1', 'whisper-1'],
    ['openai/gpt-4o-mini-transcribe', 'gpt-4o-mini-transcribe'],
    [undefined, 'gpt-4o-transcribe'],
  ])('transcribes recordings where there is a key, by the model %s', (MODEL_ID, model) => {
    const { transcription } = loadApiConfig({ ...api, OPENAI_API_KEY: 'key', MODEL_ID });
    expect(transcription).toEqual({ apiKey: 'key', baseUrl: 'https://api.openai.com/v1', model });
    expect(loadApiConfig({ ...api, MODEL_ID }).transcription).toBeUndefined();
  });

  it('can do without a development user, and prefers ENCRYPTION_KEYS to ENCRYPTION_KEY', () => {
    const ENCRYPTION_KEYS = `new:${'cd'.repeat(32)},old:${'ab'.repeat(32)}`;
    const config = loadApiConfig({ ...api, ENCRYPTION_KEYS, DEVELOPMENT_TOKEN: '' });
    expect(config.encryptionKeys.map(({ id }) => id)).toEqual(['new', 'old']);
    expect(config.developmentToken).toBeUndefined();
  });

  it('names every fault at once, and takes an empty value for none', () => {
    const load = () =>
      loadApiConfig({ ...api, JWT_SECRET: 'short', API_PORT: '70000', DATABASE_URL: '', LIVEKIT_URL: 'x' });
    expect(load).toThrow(ConfigError);
    for (const fault of [
      'JWT_SECRET: needs at least 32 characters',
      'API_PORT: ',
      'DATABASE_URL: is not set',
      'LIVEKIT_URL: needs a URL that begins with ws:// or wss://',
    ]) {
      expect(load).toThrow(fault);
    }
  });

  it.each([
    ['API_PORT', 'many'],
    ['API_PORT', '1.5'],
    ['DATABASE_POOL_SIZE', '0'],
    // A LiveKit client refreshes its token a minute before the end.
    ['TOKEN_TTL_SECONDS', '60'],
    ['DATABASE_URL', 'mysql://127.0.0.1/parley'],
    ['DATABASE_SERVICE_URL', 'mysql://127.0.0.1/parley'],
    ['ENCRYPTION_KEYS', 'new:too-short'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => loadApiConfig({ ...api, [name]: value })).toThrow(`${name}: `);
  });

  it('never shows a value in its message', () => {
    let message = '';
    try {
      loadApiConfig({ ...api, JWT_SECRET: 'hunter2', ENCRYPTION_KEYS: 'new:hunter2' });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('JWT_SECRET');
    expect(message).toContain('ENCRYPTION_KEYS');
    expect(message).not.toContain('hunter2');
  });
});

describe("the jobs' configuration", () => {
  const jobs: Environment = { ...livekit, ...data };

  it('needs LiveKit and the database, and nothing of the other processes', () => {
    expect(loadJobsConfig(jobs)).toEqual({
      livekit: { url: 'ws://127.0.0.1:7880', apiKey: 'key', apiSecret: secret },
      database: { serviceUrl: data.DATABASE_SERVICE_URL, poolSize: 10 },
      encryptionKeys: parseEncryptionKeys(data.ENCRYPTION_KEY),
      host: '0.0.0.0',
      port: 8082,
      mail: null,
      models: { order: [], settings: expect.any(Object) },
      reminders: { channels: ['room', 'email'], callBackUrl: undefined },
      logLevel: 'info',
    });
    const keyed = { ...jobs, PARLEY_LLM: 'gemini, anthropic', ANTHROPIC_API_KEY: 'a' };
    expect(loadJobsConfig(keyed)).toMatchObject({
      models: { order: ['anthropic'], settings: { anthropic: { apiKey: 'a' } } },
    });
    expect(loadJobsConfig({ ...jobs, DATABASE_POOL_SIZE: '3', LOG_LEVEL: 'warn' })).toMatchObject({
      database: { poolSize: 3 },
      logLevel: 'warn',
    });
  });

  it('reads how reminders get to people, and names a way that it does not know', () => {
    const reminders = { REMINDER_CHANNELS: 'email, room', CALL_BACK_URL: 'https://app.example.test/call' };
    expect(loadJobsConfig({ ...jobs, ...reminders }).reminders).toEqual({
      channels: ['email', 'room'],
      callBackUrl: 'https://app.example.test/call',
    });
    expect(() => loadJobsConfig({ ...jobs, REMINDER_CHANNELS: 'pigeon' })).toThrow('needs names from: room, email');
    expect(() => loadJobsConfig({ ...jobs, CALL_BACK_URL: 'tel:112' })).toThrow('CALL_BACK_URL: needs a URL');
  });

  it.each([...Object.keys(livekit), 'DATABASE_SERVICE_URL'])('does not do without %s', (name) => {
    expect(() => loadJobsConfig({ ...jobs, [name]: '' })).toThrow(`${name}: is not set`);
  });

  it('does not do without a key for what it reads', () => {
    expect(() => loadJobsConfig({ ...jobs, ENCRYPTION_KEY: '' })).toThrow('ENCRYPTION_KEYS: is not set');
  });
});

describe("the worker's configuration", () => {
  it('needs the vendors of a voice turn and the API', () => {
    expect(loadWorkerConfig(worker)).toMatchObject({
      apiUrl: 'http://127.0.0.1:8080',
      agentName: 'parley',
      vendors: {
        order: { stt: ['deepgram'], llm: ['anthropic'], tts: ['cartesia'], realtime: [] },
        settings: { deepgram: { apiKey: 'd' }, anthropic: { apiKey: 'a' }, cartesia: { apiKey: 'c' } },
      },
      turns: { detection: 'text', speculation: 'interim', packs: ['nl-dental'] },
    });
    expect(() => loadWorkerConfig({})).toThrow('CARTESIA_API_KEY: is not set');
    expect(() => loadWorkerConfig({})).toThrow('API_URL: is not set');
    expect(loadWorkerConfig({ ...worker, SPEECH_CACHE_DIR: 'off' }).speechCacheDir).toBeUndefined();
    expect(loadWorkerConfig({ ...worker, XDG_CACHE_HOME: '/cache' }).speechCacheDir).toBe('/cache/parley/speech');
  });
});
