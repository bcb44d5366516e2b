import { describe, expect, it } from 'vitest';
import { promptOf } from '../../domain/transcription-prompt.ts';

const terms = ['cariës', 'composiet', 'DPSI', 'cariës', 'furcatie'];

describe('the prompt of a recogniser', () => {
  it('holds each term once, then what the client wrote, and what was said at the end', () => {
    expect(promptOf({ terms, prompt: ' mevrouw Jansen ', said: 'element zesentwintig' }, 1_000)).toBe(
      'cariës, composiet, DPSI, furcatie. mevrouw Jansen. element zesentwintig',
    );
  });

  it('leaves out what there is none of', () => {
    expect(promptOf({ terms, prompt: '', said: '' }, 1_000)).toBe('cariës, composiet, DPSI, furcatie');
    expect(promptOf({ terms: [], prompt: 'kroon', said: '' }, 1_000)).toBe('kroon');
    expect(promptOf({ terms: [], prompt: '', said: '' }, 1_000)).toBe('');
    expect(promptOf({ terms, prompt: 'kroon', said: 'brug' }, 0)).toBe('');
  });

  it('has no more characters than the recogniser heeds, and whole terms only', () => {
    expect(promptOf({ terms, prompt: '', said: '' }, 19)).toBe('cariës, composiet');
    for (let limit = 0; limit < 80; limit += 1) {
      const prompt = promptOf({ terms, prompt: 'mevrouw Jansen', said: 'element zesentwintig' }, limit);
      expect(prompt.length).toBeLessThanOrEqual(limit);
    }
  });

  it('gives up the terms first, and the end of what was said last', () => {
    const said = 'element zesentwintig';
    expect(promptOf({ terms, prompt: 'mevrouw Jansen', said }, 36)).toBe(`mevrouw Jansen. ${said}`);
    expect(promptOf({ terms, prompt: 'mevrouw Jansen', said }, said.length)).toBe(said);
  });

  it('repeats the last whole words of what was said', () => {
    const said = Array.from({ length: 100 }, (_, index) => `woord${index}`).join(' ');
    const prompt = promptOf({ terms: [], prompt: '', said }, 1_000);
    expect(prompt.length).toBeLessThanOrEqual(200);
    expect(said.endsWith(` ${prompt}`)).toBe(true);
    expect(prompt).toMatch(/^woord\d+ /);
  });
});
