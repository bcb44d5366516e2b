import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { SandboxEvent } from '../../sandbox/log.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import { callerSampleRateHz, epochMs, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { joinVoiceCall, noise, patience, type VoiceCall } from '../support/voice-call.ts';

const shared = inject('livekit');

describe.skipIf(!shared)('speaking over an agent', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
    // The story lasts the model six seconds: it is still at it when it is interrupted.
    stack.sandbox.settings.delays.llmTokensPerSecond = 20;
  });

  afterAll(() => stack.stop());

  const logged = (vendor: Vendor, event: string, afterMs: number): SandboxEvent[] =>
    stack.sandbox.log.events({ vendor, event }).filter(({ atMs }) => atMs > afterMs);

  // The machines are shared: somebody else's burst of work is no slow barge-in.
  test('ends the reply, its request and its speech, and keeps what was told of it', { retry: 2 }, async () => {
    const call = await joinVoiceCall(stack);
    const typedAtMs = await call.caller.type('tell me a long story');
    await heard(call, typedAtMs, 1_500);
    const { firstVoicedAtMs } = await call.caller.speak(lineSamples('en-hold-on'));
    await call.answered(2);
    expect(call.answers.at(-1)?.text.trim()).toBe('Of course, take your time.');

    // A voice alone may be a cough: a reply is interrupted once it has been stopped and a word was recognised.
    const stopped = call.states.find(({ state, atMs }) => atMs > firstVoicedAtMs && state !== 'speaking');
    const [word] = logged('deepgram', 'interim-sent', firstVoicedAtMs);
    const interruptedAtMs = Math.max(stopped?.atMs ?? Number.NaN, word?.atMs ?? Number.NaN);
    const [story] = logged('anthropic', 'request-received', typedAtMs);
    const closed = logged('anthropic', 'request-closed', typedAtMs).find((e) => e.connection === story?.connection);
    expect((closed?.atMs ?? Number.NaN) - interruptedAtMs).toBeLessThanOrEqual(200);

    const [cancelled] = logged('cartesia', 'context-cancelled', typedAtMs);
    const [answer] = logged('cartesia', 'context-started', cancelled?.atMs ?? Number.NaN);
    expect((cancelled?.atMs ?? Number.NaN) - interruptedAtMs).toBeLessThanOrEqual(200);
    expect(answer?.connection).toBe(cancelled?.connection);

    const voiced = call.caller.heard.voicedAtMs.filter((atMs) => atMs > typedAtMs && atMs < (answer?.atMs ?? 0));
    expect((voiced.at(-1) ?? 0) - firstVoicedAtMs).toBeLessThanOrEqual(1_000);

    await expect.poll(async () => (await call.turns()).length, patience).toBe(5);
    const turns = await call.turns();
    expect(turns.map(({ interrupted }) => interrupted)).toEqual([false, false, true, false, false]);
    const kept = turns[2]?.text ?? '';
    expect(kept).toMatch(/^Once upon a time, in a small/);
    // The reply to a typed message is read as it is written, ahead of its voice: what was written until then is kept.
    expect(kept).not.toContain('at noon');
  });

  test('does not end the reply when it is but a cough', async () => {
    const call = await joinVoiceCall(stack);
    const typedAtMs = await call.caller.type('what can you do');
    await heard(call, typedAtMs, 1_500);
    await call.caller.speak(noise(100, 0.2, 1));
    await heard(call, typedAtMs, 2_500);
    const [from, to] = [0.3, 0.4].map((seconds) => seconds * callerSampleRateHz);
    await call.caller.speak(lineSamples('en-weather').slice(from, to));
    await call.answered(1);

    expect(call.details.filter(({ typed }) => !typed)).toEqual([]);
    expect(call.reports[0]?.interrupted).toBe(false);
    const [completed] = logged('cartesia', 'context-completed', typedAtMs);
    const madeMs = Number(completed?.voicedMs);
    expect(Math.abs(call.caller.voicedMsBetween(typedAtMs, epochMs()) - madeMs)).toBeLessThan(0.2 * madeMs);
    await expect
      .poll(async () => (await call.turns()).at(-1), patience)
      .toMatchObject({
        speaker: 'agent',
        interrupted: false,
        text: expect.stringMatching(/one question at a time\.$/),
      });
  });

  /** Waits until so much of a reply has been heard. */
  async function heard(call: VoiceCall, sinceMs: number, ms: number): Promise<void> {
    await expect.poll(() => call.caller.voicedMsBetween(sinceMs, epochMs()), patience).toBeGreaterThan(ms);
  }
});
