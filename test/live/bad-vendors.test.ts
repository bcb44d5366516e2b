import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { phrases } from '../../agents/turns/phrases.ts';
import type { SandboxEvent } from '../../sandbox/log.ts';
import { type Vendor, vendors } from '../../sandbox/settings.ts';
import { epochMs, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { joinVoiceCall, patience, type VoiceCall } from '../support/voice-call.ts';

const shared = inject('livekit');
const weather = 'tell me about the weather in Paris today';
const reminder = 'please remind me to call my sister tomorrow morning';
const greeting = phrases.greeting.en(null);
const noAnswer = phrases.noAnswer.en;
const notHeard = phrases.notHeard.en;

describe.skipIf(!shared)('a call whose vendors have a bad day', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    // Replies that are begun ahead would meet a failure first, and leave it behind them.
    await stack.startWorker({ SPECULATION: 'off' });
  });

  afterEach(() => {
    for (const vendor of vendors) stack.sandbox.settings.setFailure(vendor, null);
  });

  afterAll(() => stack.stop());

  const logged = (vendor: Vendor, event: string, afterMs = 0): SandboxEvent[] =>
    stack.sandbox.log.events({ vendor, event }).filter(({ atMs }) => atMs > afterMs);

  test('loses and doubles no word when the recogniser dies in the middle of them', async () => {
    const call = await joinVoiceCall(stack);
    const startedAtMs = epochMs();
    const speaking = call.caller.speak(lineSamples('en-reminder'));
    const wordsHeard = () => Number(logged('deepgram', 'interim-sent', startedAtMs).at(-1)?.words ?? 0);
    await expect.poll(wordsHeard, patience).toBeGreaterThan(2);
    await dropConnections('deepgram');
    await speaking;
    await call.answered(1);
    expect(logged('deepgram', 'connection-opened', startedAtMs)).toHaveLength(1);
    expect(call.details.map(({ text }) => text).join(' ')).toBe(reminder);
    expect(await spokenTurns(call)).toEqual([reminder]);
  });

  test('hears what was said while the recogniser was away', async () => {
    const call = await joinVoiceCall(stack);
    const startedAtMs = epochMs();
    stack.sandbox.settings.setFailure('deepgram', { mode: 'overload' });
    await dropConnections('deepgram');
    await call.caller.speak(lineSamples('en-weather'));
    await sleep(Math.max(0, startedAtMs + 5_000 - epochMs()));
    expect(logged('deepgram', 'connection-refused', startedAtMs).length).toBeGreaterThan(3);
    stack.sandbox.settings.setFailure('deepgram', null);
    await call.answered(1);
    expect(await spokenTurns(call)).toEqual([weather]);
  });

  test('is answered although the model is overloaded twice', async () => {
    const call = await joinVoiceCall(stack);
    stack.sandbox.settings.setFailure('anthropic', { mode: 'overload', times: 2 });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await call.answered(1);
    expect(logged('anthropic', 'request-refused', lastVoicedAtMs)).toHaveLength(2);
    expect(answersOf(call)).toEqual([greeting, `I heard: ${weather}.`]);
  });

  test('is told when the model refuses, and goes on with the next turn', async () => {
    const call = await joinVoiceCall(stack);
    stack.sandbox.settings.setFailure('anthropic', { mode: 'refuse', times: 1 });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, noAnswer]);
    await call.quiet();
    expect(call.caller.voicedMsBetween(lastVoicedAtMs, epochMs())).toBeGreaterThan(3_000);

    await call.caller.speak(lineSamples('en-reminder'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, noAnswer, `I heard: ${reminder}.`]);
    expect(await spokenTurns(call)).toEqual([weather, reminder]);
  });

  test('is spoken to although the voice lost its connection between two turns', async () => {
    const call = await joinVoiceCall(stack);
    await dropConnections('cartesia');
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await call.answered(1);
    expect(logged('cartesia', 'connection-opened', lastVoicedAtMs)).toHaveLength(1);
    const madeMs = Number(logged('cartesia', 'context-completed', lastVoicedAtMs)[0]?.voicedMs);
    const heardMs = call.caller.voicedMsBetween(lastVoicedAtMs, epochMs());
    expect(Math.abs(heardMs - madeMs)).toBeLessThan(0.2 * madeMs);
  });

  test('is told when nobody can hear them, may type, and is heard once that is possible again', async () => {
    const call = await joinVoiceCall(stack);
    stack.sandbox.settings.setFailure('deepgram', { mode: 'refuse' });
    await dropConnections('deepgram');
    await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, notHeard]);
    await call.caller.type('are you there');
    await expect.poll(() => answersOf(call).at(-1), patience).toBe('I heard: are you there.');

    stack.sandbox.settings.setFailure('deepgram', null);
    await expect.poll(() => answersOf(call).at(-1), patience).toBe(`I heard: ${weather}.`);
    const agents = [...call.caller.room.remoteParticipants.values()];
    expect(agents).toHaveLength(1);
    expect(answersOf(call).filter((text) => text === greeting)).toHaveLength(1);
  });

  const answersOf = (call: VoiceCall) => call.answers.map(({ text }) => text.trim());

  async function dropConnections(vendor: Vendor): Promise<void> {
    const body = JSON.stringify({ [vendor]: 'drop' });
    expect((await fetch(`${stack.sandbox.url}/sandbox/connections`, { method: 'PUT', body })).status).toBe(200);
  }

  async function spokenTurns(call: VoiceCall): Promise<string[]> {
    const ofUser = async () => (await call.turns()).filter(({ speaker }) => speaker === 'user');
    await expect.poll(async () => (await ofUser()).length, patience).toBeGreaterThan(0);
    return (await ofUser()).map(({ text }) => text);
  }
});
