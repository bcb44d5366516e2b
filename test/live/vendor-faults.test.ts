import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { phrases } from '../../agents/turns/phrases.ts';
import { type Recovery, recoverySchema, topics } from '../../domain/conversation.ts';
import type { SandboxEvent } from '../../sandbox/log.ts';
import { type Vendor, vendors } from '../../sandbox/settings.ts';
import { epochMs, lineSamples, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { onMessage } from '../support/room-messages.ts';
import { joinVoiceCall, patience, type VoiceCall } from '../support/voice-call.ts';

const weather = 'tell me about the weather in Paris today';
const reminder = 'please remind me to call my sister tomorrow morning';
const greeting = phrases.greeting.en(null);
/** From the end of a turn to an answer or an apology. */
const goalMs = 6_000;

/** A call, and what its client was told of how it went on. */
interface FaultCall extends VoiceCall {
  recoveries: Recovery[];
}

describe.skipIf(!inject('livekit'))('a call with two vendors of each kind', () => {
  let stack: LiveStack;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-speech-'));
    stack = await startLiveStack();
    await stack.startWorker({
      PARLEY_STT: 'deepgram,openai',
      PARLEY_LLM: 'anthropic,openai',
      PARLEY_TTS: 'cartesia,openai',
      SPEECH_CACHE_DIR: folder,
      // What is begun ahead of a turn and dropped again would meet the failures first.
      SPECULATION: 'off',
    });
  });

  afterEach(() => {
    for (const vendor of vendors) stack.sandbox.settings.setFailure(vendor, null);
  });

  afterAll(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('loses and doubles no word when the first recogniser goes away in the middle of them', async () => {
    const call = await joinCall();
    const startedAtMs = epochMs();
    const speaking = call.caller.speak(lineSamples('en-reminder'));
    const wordsHeard = () => Number(logged('deepgram', 'interim-sent', startedAtMs).at(-1)?.words ?? 0);
    await expect.poll(wordsHeard, patience).toBeGreaterThan(2);
    stack.sandbox.settings.setFailure('deepgram', { mode: 'overload' });
    await drop('deepgram');
    await speaking;
    await call.answered(1);
    expect(logged('openai', 'final-sent', startedAtMs).length).toBeGreaterThan(0);
    expect(answersOf(call)).toEqual([greeting, `I heard: ${reminder}.`]);
    expect(call.recoveries).toContainEqual(fallback('stt', 'stt:deepgram', 'stt:openai'));
  });

  test('ends a reply in the words of the second model when the first one breaks off', async () => {
    const call = await joinCall();
    const { delays } = stack.sandbox.settings;
    stack.sandbox.settings.delays = { ...delays, llmTokensPerSecond: 10 };
    stack.sandbox.settings.setFailure('anthropic', { mode: 'close', afterMs: 700 });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await call.answered(1);
    stack.sandbox.settings.delays = delays;
    expect(answersOf(call)).toEqual([greeting, `I heard: ${weather}.`]);
    expect(logged('anthropic', 'request-cut', lastVoicedAtMs - goalMs).length).toBeGreaterThan(0);
    expect(call.recoveries).toContainEqual(fallback('llm', 'llm:anthropic', 'llm:openai'));
  });

  test('says the rest of a sentence in the second voice, and nothing of it twice', async () => {
    const call = await joinCall();
    await call.caller.speak(lineSamples('en-reminder'));
    await call.answered(1);
    const wholeMs = Number(logged('cartesia', 'context-completed').at(-1)?.voicedMs);

    stack.sandbox.settings.setFailure('cartesia', { mode: 'close', afterMs: 350 });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-reminder'));
    await call.answered(2);
    const [rest] = logged('openai', 'context-completed', lastVoicedAtMs);
    // How much was heard before the voice broke off depends on how busy the machine is; some of it was.
    const whole = `I heard: ${reminder}.`;
    expect(whole.endsWith(String(rest?.transcript).trim())).toBe(true);
    expect(Number(rest?.characters)).toBeLessThan(whole.length);
    const heardMs = call.caller.voicedMsBetween(lastVoicedAtMs, epochMs());
    // A word takes 300 ms.
    expect(Math.abs(heardMs - wholeMs)).toBeLessThan(450);
    expect(answersOf(call)).toEqual([greeting, whole, whole]);
    expect(call.recoveries).toContainEqual(fallback('tts', 'tts:cartesia', 'tts:openai'));
  });

  test('hears a filler and then an apology when neither model answers', async () => {
    const call = await joinCall();
    for (const vendor of ['anthropic', 'openai'] as const) stack.sandbox.settings.setFailure(vendor, { mode: 'hang' });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, phrases.noAnswer.en]);
    expect(call.recoveries.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['filler', 'apology']));
    const filledAtMs = Number(call.caller.firstVoicedAfter(lastVoicedAtMs));
    expect(filledAtMs - lastVoicedAtMs).toBeLessThan(goalMs / 2);
    expect(Number(call.answers.at(-1)?.firstTextAtMs) - lastVoicedAtMs).toBeLessThan(goalMs);

    for (const vendor of ['anthropic', 'openai'] as const) stack.sandbox.settings.setFailure(vendor, null);
    await call.quiet();
    await call.caller.speak(lineSamples('en-reminder'));
    await expect.poll(() => answersOf(call).at(-1), patience).toBe(`I heard: ${reminder}.`);
  });

  test('reads the answer when neither voice speaks', async () => {
    const call = await joinCall();
    for (const vendor of ['cartesia', 'openai'] as const) stack.sandbox.settings.setFailure(vendor, { mode: 'refuse' });
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    const written = (): Shown | undefined => call.answers.find(({ text }) => text.trim() === `I heard: ${weather}.`);
    await expect.poll(written, patience).toBeDefined();
    expect(Number(written()?.firstTextAtMs) - lastVoicedAtMs).toBeLessThan(goalMs);
    await expect.poll(() => call.recoveries.map(({ kind }) => kind), patience).toContain('text-only');
    expect(answersOf(call).filter((text) => text.includes(weather))).toHaveLength(1);
  });

  test('is told when neither recogniser hears, and heard when they are back', async () => {
    const call = await joinCall();
    for (const vendor of ['deepgram', 'openai'] as const)
      stack.sandbox.settings.setFailure(vendor, { mode: 'overload' });
    await drop('deepgram');
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, phrases.notHeard.en]);
    expect(Number(call.answers.at(-1)?.firstTextAtMs) - lastVoicedAtMs).toBeLessThan(goalMs);
    expect(call.recoveries.map(({ kind }) => kind)).toContain('not-heard');

    for (const vendor of ['deepgram', 'openai'] as const) stack.sandbox.settings.setFailure(vendor, null);
    const backAtMs = epochMs();
    const listening = () =>
      logged('deepgram', 'connection-opened', backAtMs).length +
      logged('openai', 'session-configured', backAtMs).length;
    await expect.poll(listening, patience).toBeGreaterThan(0);
    await call.quiet();
    await call.caller.speak(lineSamples('en-reminder'));
    await expect.poll(() => answersOf(call).at(-1), patience).toMatch(reminder);
  });

  const logged = (vendor: Vendor, event: string, afterMs = 0): SandboxEvent[] =>
    stack.sandbox.log.events({ vendor, event }).filter(({ atMs }) => atMs > afterMs);

  const answersOf = (call: VoiceCall) => call.answers.map(({ text }) => text.trim());

  const fallback = (port: Recovery['port'], from: string, to: string) =>
    expect.objectContaining({ kind: 'fallback', port, from, to });

  async function joinCall(): Promise<FaultCall> {
    const call = await joinVoiceCall(stack);
    const recoveries: Recovery[] = [];
    onMessage(call.caller.room, topics.recovery, (message) => {
      recoveries.push(recoverySchema.parse(JSON.parse(message)));
    });
    return { ...call, recoveries };
  }

  async function drop(vendor: Vendor): Promise<void> {
    const body = JSON.stringify({ [vendor]: 'drop' });
    expect((await fetch(`${stack.sandbox.url}/sandbox/connections`, { method: 'PUT', body })).status).toBe(200);
  }
});
