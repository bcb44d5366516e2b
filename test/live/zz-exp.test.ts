import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { lineSamples, epochMs } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { joinSamples, joinVoiceCall, noise, silence, voicedMsOf, patience } from '../support/voice-call.ts';
describe('exp', () => {
  let stack: LiveStack;
  beforeAll(async () => { stack = await startLiveStack(); await stack.startWorker(); });
  afterAll(() => stack.stop());
  test('barge', async () => {
    const call = await joinVoiceCall(stack);
    stack.sandbox.settings.delays = { ...stack.sandbox.settings.delays, llmTokensPerSecond: 12 };
    const typedAt = await call.caller.type('Please tell me a long story');
    await expect.poll(() => call.caller.voicedMsBetween(typedAt, epochMs()), patience).toBeGreaterThan(3000);
    const t0 = epochMs();
    const spoken = await call.caller.speak(lineSamples('en-hold-on'));
    await call.answered(2);
    const rel = (x: number) => Math.round(x - spoken.firstVoicedAtMs);
    for (const e of stack.sandbox.log.events().filter(e => e.atMs > typedAt)) console.log(rel(e.atMs), JSON.stringify({...e, atMs: undefined}));
    for (const s of call.states) console.log('STATE', rel(s.atMs), s.state);
    const v = call.caller.heard.voicedAtMs.filter(a => a > typedAt);
    console.log('last voiced before end of line', rel(v.filter(a => a < spoken.lastVoicedAtMs).at(-1) ?? 0), 'next', rel(v.find(a => a > spoken.lastVoicedAtMs) ?? 0), 'lastvoicedsent', rel(spoken.lastVoicedAtMs));
    console.log(JSON.stringify(call.answers), JSON.stringify(call.reports));
    await sleep(500);
    console.log(JSON.stringify(await call.turns(), null, 1));
  });
  test.each([100, 600])('cough %s', async (ms) => {
    stack.sandbox.settings.delays = { ...stack.sandbox.settings.delays, llmTokensPerSecond: 80 };
    const call = await joinVoiceCall(stack);
    const typedAt = await call.caller.type('what can you do');
    await expect.poll(() => call.caller.voicedMsBetween(typedAt, epochMs()), patience).toBeGreaterThan(2000);
    const at = epochMs();
    await call.caller.speak(noise(ms, 0.2, 1));
    await call.answered(1);
    console.log('COUGH', ms, JSON.stringify(call.states.map(s => [s.state, Math.round(s.atMs - at)])), JSON.stringify(call.reports), JSON.stringify(call.details));
    await call.leave();
  });
  test.each([100, 300, 600])('vowel %s', async (ms) => {
    const call = await joinVoiceCall(stack);
    const typedAt = await call.caller.type('what can you do');
    await expect.poll(() => call.caller.voicedMsBetween(typedAt, epochMs()), patience).toBeGreaterThan(2000);
    const at = epochMs();
    await call.caller.speak(lineSamples('en-weather').slice(16 * 300, 16 * (300 + ms)));
    await call.answered(1);
    console.log('VOWEL', ms, JSON.stringify(call.states.map(s => [s.state, Math.round(s.atMs - at)])), JSON.stringify(call.reports), JSON.stringify(call.details));
    await call.leave();
  });
});
