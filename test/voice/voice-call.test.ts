import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { assetPath, readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import type { SandboxEvent } from '../../sandbox/log.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import { unknownSpeechNotice } from '../../sandbox/speech/utterance-matcher.ts';
import { callerSampleRateHz, epochMs, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import {
  joinSamples,
  joinVoiceCall,
  noise,
  patience,
  silence,
  type VoiceCall,
  voicedMsOf,
} from '../support/voice-call.ts';

const shared = inject('livekit');
const weather = 'tell me about the weather in Paris today';

describe.skipIf(!shared)('a spoken call', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  const logged = (vendor: Vendor, event: string): SandboxEvent[] => stack.sandbox.log.events({ vendor, event });

  test('is heard and answered in full, in the words of the field where there are any', async () => {
    const call = await joinVoiceCall(stack);
    const dental = { raw: 'element zesentwintig mesio occlusaal karies', text: 'element 26 MO cariës' };
    await speakAndListen(call, 1, 'en-weather', `I heard: ${weather}.`);
    await speakAndListen(call, 2, 'nl-dental', `Genoteerd: ${dental.text}.`);

    expect(call.details.map(({ raw, text }) => ({ raw, text }))).toEqual([{ raw: weather, text: weather }, dental]);
    const [, detail] = call.details;
    expect(detail?.edits.map(({ rule }) => rule)).toEqual(['tooth', 'surface', 'lexicon']);
    await expect.poll(async () => (await call.turns()).length, patience).toBe(5);
    const said = (await call.turns()).filter(({ speaker }) => speaker === 'user');
    expect(said).toMatchObject([
      { text: weather, raw: null, edits: [] },
      { ...dental, edits: detail?.edits },
    ]);
  });

  test('gives the recogniser the terms of the field to expect', () => {
    const pack = createPack('nl-dental', readPackAsset).normalizer();
    const sent = new URLSearchParams(String(logged('deepgram', 'connection-opened')[0]?.query)).getAll('keyterm');
    expect(sent.length).toBeGreaterThan(50);
    expect(sent).toEqual(pack.keyTerms().slice(0, sent.length));
  });

  test('has no turn out of silence, and half the words out of half a line', async () => {
    const call = await joinVoiceCall(stack);
    const requests = logged('anthropic', 'request-received').length;
    await sleep(3_000);
    expect(call.details).toEqual([]);
    expect(logged('anthropic', 'request-received')).toHaveLength(requests);

    const line = (await loadLines(assetPath('sandbox', 'lines'))).find(({ id }) => id === 'en-weather');
    const middleMs = line?.words.find(({ word }) => word === 'weather')?.startMs ?? Number.NaN;
    await call.caller.speak(lineSamples('en-weather').slice(0, (callerSampleRateHz * middleMs) / 1_000));
    await call.answered(1);
    expect(call.details.map(({ text }) => text)).toEqual(['tell me about the']);
    expect(call.answers.at(-1)?.text.trim()).toBe('I heard: tell me about the.');
    const speakers = async () => (await call.turns()).map(({ speaker }) => speaker);
    await expect.poll(speakers, patience).toEqual(['agent', 'user', 'agent']);
  });

  test('is not mixed up with another call at the same time', async () => {
    const goal = 'I want to practise my presentations';
    const spoken = lineSamples('en-goal');
    // Frames of the recogniser begin anywhere: pauses that are no multiple of them average that out. Louder noise would be
    // smeared into the pauses by the speech codec.
    const bursts = Array.from({ length: 12 }, (_, seed) => [noise(400, 0.05, seed + 1), silence(405)]);
    const noisy = joinSamples(...bursts.flat());
    const openedBefore = logged('deepgram', 'connection-opened').length;
    const calls = [await joinVoiceCall(stack), await joinVoiceCall(stack)] as const;
    const connections = logged('deepgram', 'connection-opened').slice(openedBefore);
    expect(connections).toHaveLength(2);
    await Promise.all([calls[0].caller.speak(spoken), calls[1].caller.speak(noisy)]);
    const heardBy = (call: VoiceCall) => call.details.map(({ text }) => text).join(' ');
    await expect.poll(() => heardBy(calls[0]), patience).toBe(goal);
    await Promise.all(calls.map((call) => call.leave()));

    expect(heardBy(calls[0])).toBe(goal);
    expect(calls[1].details.filter(({ text }) => text !== unknownSpeechNotice)).toEqual([]);
    for (const [index, sent] of [spoken, noisy].entries()) {
      const closed = () =>
        logged('deepgram', 'connection-closed').find(({ connection }) => connection === connections[index]?.connection);
      await expect.poll(closed, patience).toBeDefined();
      // LiveKit leaves out or stretches what a busy machine delays: up to a tenth of it. The other call would add two fifths.
      expect(Math.abs(Number(closed()?.voicedMs) / voicedMsOf(sent) - 1)).toBeLessThan(0.25);
    }
  });

  /** Speaks a line and holds the audio that arrives against the audio that was made for it. */
  async function speakAndListen(call: VoiceCall, turn: number, line: string, answer: string): Promise<void> {
    const { lastVoicedAtMs } = await call.caller.speak(lineSamples(line));
    await call.answered(turn);
    expect(call.answers.at(-1)?.text.trim()).toBe(answer);
    const madeMs = logged('cartesia', 'context-completed')
      .filter(({ atMs }) => atMs > lastVoicedAtMs)
      .reduce((sum, { voicedMs }) => sum + Number(voicedMs), 0);
    const heardMs = call.caller.voicedMsBetween(lastVoicedAtMs, epochMs());
    expect(madeMs).toBeGreaterThan(1_000);
    expect(Math.abs(heardMs - madeMs)).toBeLessThan(0.2 * madeMs);
  }
});
