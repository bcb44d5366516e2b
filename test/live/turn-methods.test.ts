import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { phrases } from '../../agents/turns/phrases.ts';
import { epochMs, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { joinVoiceCall, patience, type VoiceCall } from '../support/voice-call.ts';

const weather = 'tell me about the weather in Paris today';
const reminder = 'please remind me to call my sister tomorrow morning';
const greeting = phrases.greeting.en(null);
/** Twice what ends a turn that is found by listening. */
const unansweredMs = 3_000;
/** What was said is still on its way to the agent for less than this, and belongs to a turn that starts meanwhile. */
const arrivalMs = 1_000;
/** Late enough for a busy machine, soon enough to wait for. */
const apologyAfterMs = 4_000;

describe.skipIf(!inject('livekit'))('a client that takes its turns itself', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker({ SPEECH_CACHE_DIR: 'off', APOLOGY_AFTER_MS: String(apologyAfterMs) });
  });

  afterAll(() => stack.stop());

  test('is heard from start_turn to end_turn alone, and answered at its end', async () => {
    const call = await join({ turnDetection: 'manual' });
    await call.caller.speak(lineSamples('en-reminder'));
    await sleep(arrivalMs);
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-weather'));
    await sleep(unansweredMs);
    expect(answersOf(call)).toEqual([greeting]);
    await perform(call, 'end_turn');
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, `I heard: ${weather}.`]);
    await call.quiet();
    await expect.poll(() => saidIn(call), patience).toEqual([weather]);
  });

  test('has what it said forgotten by cancel_turn', async () => {
    const call = await join({ turnDetection: 'manual' });
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-weather'));
    await perform(call, 'cancel_turn');
    await sleep(unansweredMs);
    expect(answersOf(call)).toEqual([greeting]);
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-reminder'));
    await perform(call, 'end_turn');
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, `I heard: ${reminder}.`]);
    await expect.poll(() => saidIn(call), patience).toEqual([reminder]);
  });

  test('goes on with a turn by start_turn while the last of it is on its way', async () => {
    const call = await join({ turnDetection: 'manual' });
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-weather'));
    await perform(call, 'end_turn');
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-reminder'));
    await perform(call, 'end_turn');
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, `I heard: ${weather} ${reminder}.`]);
    await expect.poll(() => saidIn(call), patience).toEqual([`${weather} ${reminder}`]);
  });

  test('is not answered where it said nothing', async () => {
    const call = await join({ turnDetection: 'manual' });
    await perform(call, 'start_turn');
    await perform(call, 'end_turn');
    await sleep(apologyAfterMs + unansweredMs);
    expect(answersOf(call)).toEqual([greeting]);
    expect(await saidIn(call)).toEqual([]);
  });

  test('silences a reply by start_turn', async () => {
    const call = await join({ turnDetection: 'manual' });
    await perform(call, 'start_turn');
    await call.caller.speak(lineSamples('en-weather'));
    await perform(call, 'end_turn');
    const endedAtMs = epochMs();
    await expect.poll(() => call.caller.firstVoicedAfter(endedAtMs), patience).toBeDefined();
    await perform(call, 'start_turn');
    const cutAtMs = epochMs();
    await call.quiet();
    expect(call.caller.voicedMsBetween(cutAtMs, epochMs())).toBeLessThan(1_000);
    await perform(call, 'cancel_turn');
  });

  test('neither hears nor speaks on hold, and goes on by resume', async () => {
    const call = await join();
    await perform(call, 'hold');
    const heldAtMs = epochMs();
    await call.caller.speak(lineSamples('en-reminder'));
    await sleep(unansweredMs);
    expect(call.caller.voicedMsBetween(heldAtMs, epochMs())).toBe(0);
    await perform(call, 'resume');
    await call.caller.speak(lineSamples('en-weather'));
    await expect.poll(() => answersOf(call), patience).toEqual([greeting, `I heard: ${weather}.`]);
    await expect.poll(() => saidIn(call), patience).toEqual([weather]);
  });

  test('is refused the methods of turns where turns are found by listening', async () => {
    const call = await join();
    await expect(perform(call, 'end_turn')).rejects.toThrow(/found by listening/);
  });

  const answersOf = (call: VoiceCall) => call.answers.map(({ text }) => text.trim());

  const saidIn = async (call: VoiceCall) =>
    (await call.turns()).filter(({ speaker }) => speaker === 'user').map(({ text }) => text);

  async function join(metadata?: { turnDetection: string }): Promise<VoiceCall> {
    const agents = [{ agent_name: stack.agentName, metadata: JSON.stringify(metadata) }];
    return joinVoiceCall(stack, metadata && { room_config: { agents } });
  }

  async function perform(call: VoiceCall, method: string): Promise<void> {
    const { room } = call.caller;
    const [agent] = room.remoteParticipants.keys();
    await room.localParticipant?.performRpc({ destinationIdentity: agent ?? '', method, payload: '' });
  }
});
