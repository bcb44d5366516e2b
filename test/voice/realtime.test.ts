import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Recovery, recoverySchema, topics } from '../../domain/conversation.ts';
import { epochMs, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { onMessage } from '../support/room-messages.ts';
import { joinVoiceCall, patience } from '../support/voice-call.ts';

const weather = 'I heard: tell me about the weather in Paris today.';
const reminder = 'I heard: please remind me to call my sister tomorrow morning.';

describe.skipIf(!inject('livekit'))('a call from speech to speech', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker({ PARLEY_REALTIME: 'openai', PARLEY_LLM: 'anthropic' });
  });
  afterEach(() => stack.sandbox.settings.setFailure('openai', null));
  afterAll(() => stack.stop());

  const requests = (vendor: 'openai' | 'anthropic', afterMs = 0) =>
    stack.sandbox.log.events({ vendor, event: 'request-received' }).filter(({ atMs }) => atMs > afterMs).length;

  test('is answered by the model that hears it, goes on as a pipeline when that is gone, and returns to it', async () => {
    const call = await joinVoiceCall(stack);
    const recoveries: Recovery[] = [];
    onMessage(call.caller.room, topics.recovery, (message) => {
      recoveries.push(recoverySchema.parse(JSON.parse(message)));
    });
    const answers = () => call.answers.map(({ text }) => text.trim());

    await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answers().at(-1), patience).toBe(weather);
    await call.quiet();
    expect(requests('openai')).toBeGreaterThan(0);
    expect(requests('anthropic')).toBe(0);

    const goneAtMs = epochMs();
    stack.sandbox.settings.setFailure('openai', { mode: 'overload' });
    await fetch(`${stack.sandbox.url}/sandbox/connections`, { method: 'PUT', body: '{"openai":"drop"}' });
    await expect.poll(() => recoveries.map(({ kind }) => kind), patience).toEqual(['fallback', 'modality']);
    await call.caller.speak(lineSamples('en-reminder'));
    await expect.poll(() => answers().at(-1), patience).toBe(reminder);
    await call.quiet();
    expect(requests('anthropic', goneAtMs)).toBeGreaterThan(0);

    const backAtMs = epochMs();
    stack.sandbox.settings.setFailure('openai', null);
    await expect.poll(() => recoveries.filter(({ kind }) => kind === 'modality').length, { timeout: 40_000 }).toBe(2);
    await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answers().at(-1), patience).toBe(weather);
    expect(requests('openai', backAtMs)).toBeGreaterThan(0);
    expect(answers()).toHaveLength(4);
  });
});
