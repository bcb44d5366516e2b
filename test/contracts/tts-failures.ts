import { APIConnectionError, APIStatusError, APITimeoutError, type tts } from '@livekit/agents';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SandboxEvent } from '../../sandbox/log.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import { durationMs, hear, sum } from './tts-caller.ts';
import type { TtsHarness } from './tts-suite.ts';

/** What the suite's tests work with. */
interface Tools {
  sandbox(): Sandbox;
  prewarm(): void;
  /** What the adapter reported so far. */
  errors(): Parameters<tts.TTSCallbacks['error']>[0][];
  events(event: string): SandboxEvent[];
  seen(event: string): Promise<void>;
  say(...texts: string[]): tts.SynthesizeStream;
  sayRetrying(...texts: string[]): tts.SynthesizeStream;
  expectSpoken(characters: number): void;
  spokenMs(): number;
  sentence: string;
  reply: readonly string[];
}

/** What a voice does when its vendor refuses, hangs, is lost or is slow. */
export function testFailures(harness: TtsHarness, tools: Tools): void {
  const { sandbox, prewarm, errors, events, seen, say, sayRetrying, expectSpoken, spokenMs, sentence, reply } = tools;
  const { asksByPiece = false, keepsConnection = !asksByPiece } = harness;

  const moments = keepsConnection ? ['before', 'after'] : ['whether or not'];
  describe.each(moments)('failures %s the connection is open', (moment) => {
    beforeEach(async () => {
      if (moment !== 'after') return;
      prewarm();
      await seen('connection-opened');
    });
    const failed = async (stream: tts.SynthesizeStream) => {
      expect((await hear(stream)).audio).toEqual([]);
      expect(errors()).toHaveLength(1);
      return errors()[0]?.error;
    };

    it('reports a refused key as final', async () => {
      sandbox().settings.setFailure(harness.vendor, { mode: 'refuse' });
      const error = await failed(sayRetrying(sentence));
      expect(error).toBeInstanceOf(APIStatusError);
      expect(error).toMatchObject({ statusCode: harness.refusedStatus ?? 401, retryable: false });
    });

    it.each([
      { mode: 'rate-limit', statusCode: 429 },
      { mode: 'overload', statusCode: 503 },
    ] as const)('reports $mode as worth a retry, and mends with one', async ({ mode, statusCode }) => {
      sandbox().settings.setFailure(harness.vendor, { mode });
      const error = await failed(say(sentence));
      expect(error).toBeInstanceOf(APIStatusError);
      expect(error).toMatchObject({ statusCode, retryable: true });

      sandbox().settings.setFailure(harness.vendor, { mode, times: 1 });
      expect((await hear(sayRetrying(...reply))).ends).toBe(1);
      expectSpoken(reply.join('').length);
      expect(errors()).toHaveLength(1);
    });

    it('gives up waiting for a vendor that hangs, and mends with a retry', async () => {
      sandbox().settings.setFailure(harness.vendor, { mode: 'hang', times: 1 });
      const error = await failed(say(sentence));
      expect(error).toBeInstanceOf(APITimeoutError);
      expect(error).toMatchObject({ retryable: true });

      sandbox().settings.setFailure(harness.vendor, { mode: 'hang', times: 1 });
      expect((await hear(sayRetrying(...reply))).ends).toBe(1);
      expect(sum(events('context-completed'), 'characters')).toBe(reply.join('').length);
    });

    it('says the whole text again when the connection is lost before any of it was heard', async () => {
      sandbox().settings.delays = { ...sandbox().settings.delays, ttsFirstAudioMs: 1_000 };
      sandbox().settings.setFailure(harness.vendor, { mode: 'close', times: 1, afterMs: 20 });
      const heard = await hear(sayRetrying(...reply));
      expectSpoken(reply.join('').length);
      expect(durationMs(heard)).toBeGreaterThan(0.8 * spokenMs());
      if (keepsConnection) expect(events('connection-opened')).toHaveLength(2);
      expect(errors()).toEqual([]);
    });

    it('does not say a text twice when the connection is lost after some of it was heard', async () => {
      sandbox().settings.delays = { ...sandbox().settings.delays, ttsFirstAudioMs: 0 };
      sandbox().settings.setFailure(harness.vendor, {
        mode: 'close',
        times: 1,
        // A first piece is not as long as a whole context.
        afterMs: asksByPiece ? 100 : 1_000,
      });
      const heard = await hear(sayRetrying(...reply, ...reply));
      expect(durationMs(heard)).toBeGreaterThan(0);
      // At most one piece is asked for ahead of its turn.
      expect(events('context-started').length).toBeLessThanOrEqual(asksByPiece ? 2 : 1);
      expect(errors()).toHaveLength(1);
      expect(errors()[0]?.error).toBeInstanceOf(APIConnectionError);
      expect(errors()[0]?.error).toMatchObject({ retryable: false });
    });

    it('is only late when the vendor is slow', async () => {
      sandbox().settings.setFailure(harness.vendor, { mode: 'slow', factor: 4, times: 1 });
      expect((await hear(say('Goedemorgen.'))).ends).toBe(1);
      const waitMs = Number(events('first-audio-sent')[0]?.atMs) - Number(events('context-started')[0]?.atMs);
      expect(waitMs).toBeGreaterThan(2 * sandbox().settings.delays.ttsFirstAudioMs);
      expect(errors()).toEqual([]);
    });
  });
}
