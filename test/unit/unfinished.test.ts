import { describe, expect, it } from 'vitest';
import { looksUnfinished } from '../../domain/unfinished.ts';

describe('words that a turn seldom ends with', () => {
  it.each([
    ['I would like to', 'en'],
    ['tell me about the', 'en'],
    ['remind me to call my', 'en'],
    ['well um', 'en'],
    ['I think,', 'en'],
    ['I was thinking…', 'en'],
    ['it is because', 'en-GB'],
    ['ik wil graag een', 'nl'],
    ['het gaat om de', 'nl-BE'],
    ['ik zou', 'nl'],
    ['tell me about the', ''],
    ['het gaat om de', 'multi'],
  ])('takes "%s" for the middle of a sentence', (text, language) => {
    expect(looksUnfinished(text, language)).toBe(true);
  });

  it.each([
    ['tell me about the weather in Paris today', 'en'],
    ['I would like to.', 'en'],
    ['yes please', 'en'],
    ['what is it for?', 'en'],
    ['I would like two of these', 'en'],
    ['ja', 'fr'],
    ['goedemorgen', 'nl'],
    ['dat doe ik niet', 'nl'],
    ['', 'en'],
  ])('takes "%s" for a whole one', (text, language) => {
    expect(looksUnfinished(text, language)).toBe(false);
  });
});
