import { describe, expect, test } from 'vitest';
import { readDispatch } from '../../agents/dispatch.ts';

describe('what a dispatch asks for', () => {
  test.each([
    ['{"agent":"dictation","language":"nl"}', { agent: 'dictation', language: 'nl' }],
    ['{"modality":"text"}', { agent: 'concierge', language: undefined }],
    ['{"agent":"onboarding","language":{"app":"own"}}', { agent: 'onboarding', language: undefined }],
    ['{"agent":"nobody"}', { agent: 'concierge', language: undefined }],
    ['', { agent: 'concierge', language: undefined }],
    ['null', { agent: 'concierge', language: undefined }],
    ['not JSON', { agent: 'concierge', language: undefined }],
  ])('is read from %s', (metadata, expected) => {
    const { agent, language } = readDispatch(metadata);
    expect({ agent, language }).toEqual(expected);
  });
});
