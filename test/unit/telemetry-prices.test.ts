import { describe, expect, it } from 'vitest';
import { costDollars, priceOf } from '../../domain/vendor-prices.ts';

describe('the prices of vendors', () => {
  it.each([
    ['anthropic', 'claude-haiku-4-5'],
    ['anthropic', 'claude-haiku-4-5-20251001'],
    ['openai', 'gpt-4.1-mini'],
    ['openai', 'gpt-4.1-mini-2025-04-14'],
    ['openai', 'gpt-4o-transcribe'],
    ['openai', 'gpt-4o-mini-tts'],
    ['gemini', 'gemini-2.5-flash'],
    ['deepgram', 'nova-3'],
    ['deepgram', 'flux-general-multi'],
    ['cartesia', 'sonic-3'],
  ])('know %s %s, and where and when that stood', (vendor, model) => {
    const price = priceOf(vendor, model);
    expect(price?.source).toMatch(/^https:\/\//);
    expect(price?.asOf).toMatch(/^20\d\d-[01]\d$/);
  });

  it.each([
    ['openai', 'gpt-4.1-nano'],
    ['openai', 'gpt-realtime'],
    ['gemini', 'gemini-2.5-flash-native-audio-preview-09-2025'],
    ['litellm', 'claude-haiku-4-5'],
    ['constructor', 'name'],
    ['unknown', 'unknown'],
  ])('claim nothing for %s %s', (vendor, model) => {
    expect(priceOf(vendor, model)).toBeUndefined();
    expect(costDollars(vendor, model, { audioSeconds: 60 })).toBeNull();
  });

  it('are by tokens, cached ones for less', () => {
    const usage = { promptTokens: 1_000_000, cachedTokens: 400_000, completionTokens: 100_000 };
    expect(costDollars('anthropic', 'claude-haiku-4-5', usage)).toBeCloseTo(0.6 + 0.04 + 0.5, 10);
  });

  it('are by minutes of audio or by characters', () => {
    expect(costDollars('deepgram', 'nova-3', { audioSeconds: 90 })).toBeCloseTo(0.0087, 10);
    expect(costDollars('cartesia', 'sonic-3', { audioSeconds: 3, characters: 200 })).toBeCloseTo(0.01, 10);
    expect(costDollars('openai', 'gpt-4o-mini-tts', { audioSeconds: 4, characters: 60 })).toBeCloseTo(0.001, 10);
  });

  it('claim nothing where the usage is not of their kind', () => {
    const tokens = { promptTokens: 1, cachedTokens: 0, completionTokens: 1 };
    expect(costDollars('deepgram', 'nova-3', tokens)).toBeNull();
    expect(costDollars('anthropic', 'claude-haiku-4-5', { audioSeconds: 1 })).toBeNull();
    expect(costDollars('cartesia', 'sonic-3', { audioSeconds: 1 })).toBeNull();
  });
});
