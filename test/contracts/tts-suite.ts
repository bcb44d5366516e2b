import { initializeLogger, type tts } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SandboxEvent } from '../../sandbox/log.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';
import { connOptions, durationMs, hear, speaking, sum, voicedIn } from './tts-caller.ts';
import { testFailures } from './tts-failures.ts';

/** What the suite needs to know of an adapter. */
export interface TtsHarness {
  vendor: Vendor;
  standIn: StandInFactory;
  create(options: { baseUrl: string; chunkTimeoutMs: number }): tts.TTS & { prewarm(): void };
  /**
   * The vendor is asked for one piece of text at a time: a context is a piece, which can not expire, and connections are its
   * client library's affair.
   */
  asksByPiece?: true;
  /** The adapter has one connection for all it says, which is tried too (default: unless it asks by piece). */
  keepsConnection?: boolean;
  /** What the vendor answers to a key it doesn't know (default 401). */
  refusedStatus?: number;
}

const sentence = 'Goedemorgen, waarmee kan ik u helpen? ';
const reply = [sentence, 'Dinsdag om half tien ', 'is er nog plaats, ', 'schikt u dat?'];
const chunkTimeoutMs = 1_500;

/** The behaviour every text-to-speech adapter must have, tried against its vendor's stand-in. */
export function describeTtsContract(name: string, harness: TtsHarness): void {
  const { asksByPiece = false, keepsConnection = !asksByPiece } = harness;
  // Left out, not skipped: where nothing may be missing, a skipped test counts as a failed one.
  const itWhen = (applies: boolean): ((title: string, test: () => Promise<void>) => void) => (applies ? it : () => {});

  describe(name, () => {
    let sandbox: Sandbox;
    let voice: ReturnType<TtsHarness['create']>;
    let errors: Parameters<tts.TTSCallbacks['error']>[0][];

    beforeEach(async () => {
      initializeLogger({ pretty: false, level: 'error' });
      sandbox = await startSandbox([harness.standIn]);
      voice = harness.create({ baseUrl: sandbox.url, chunkTimeoutMs });
      errors = [];
      voice.on('error', (error) => errors.push(error));
    });

    afterEach(async () => {
      await voice.close();
      await sandbox.close();
      expect(events('unexpected-request')).toEqual([]);
      expect(events('stand-in-failed')).toEqual([]);
    });

    const events = (event: string): SandboxEvent[] => sandbox.log.events({ vendor: harness.vendor, event });
    const seen = (event: string) => vi.waitFor(() => expect(events(event)).not.toEqual([]), { timeout: 10_000 });
    /** That every character of a text was spoken once, in one context where there is one. */
    const expectSpoken = (characters: number) => {
      expect(sum(events('context-completed'), 'characters')).toBe(characters);
      if (!asksByPiece) expect(events('context-completed')).toHaveLength(1);
    };
    const nothingIsSaid = () =>
      vi.waitFor(
        () =>
          expect(events('context-started')).toHaveLength(
            events('context-completed').length + events('context-cancelled').length,
          ),
        { timeout: 10_000 },
      );
    const spokenMs = () => sum(events('context-completed'), 'audioMs');
    const say = (...texts: string[]) => speaking(voice, texts, 0);
    const sayRetrying = (...texts: string[]) => speaking(voice, texts, 2);

    it('gives the audio of a text, marks its last frame and then ends', async () => {
      const metrics: Parameters<tts.TTSCallbacks['metrics_collected']>[0][] = [];
      voice.on('metrics_collected', (each) => metrics.push(each));
      const heard = await hear(say(...reply));
      expect(durationMs(heard)).toBeGreaterThan(0.8 * spokenMs());
      expect(durationMs(heard)).toBeLessThan(1.2 * spokenMs());
      expect(voicedIn(heard)).toBeGreaterThan(0.8 * sum(events('context-completed'), 'voicedMs'));
      expectSpoken(reply.join('').length);
      expect(heard.audio.map((audio) => audio.final)).toEqual([...heard.audio.slice(1).map(() => false), true]);
      expect(new Set(heard.audio.map(({ frame }) => frame.sampleRate))).toEqual(new Set([voice.sampleRate]));
      expect(new Set(heard.audio.map(({ frame }) => frame.channels))).toEqual(new Set([1]));
      expect(heard.ends).toBe(1);
      expect(metrics).toMatchObject([{ charactersCount: reply.join('').length, cancelled: false }]);
      expect(metrics[0]?.ttfbMs).toBeGreaterThan(0);
    });

    it('gives longer audio for a longer text', async () => {
      const short = durationMs(await hear(say(sentence)));
      expect(durationMs(await hear(say(sentence, sentence, sentence)))).toBeGreaterThan(2 * short);
    });

    it('gives the first frame before it has the last of the text', async () => {
      const stream = voice.stream({ connOptions });
      stream.pushText(sentence);
      stream.pushText('En verder');
      const first = await stream.next();
      expect(first.value).toMatchObject({ final: false });
      stream.pushText(' nog dit.');
      stream.endInput();
      const rest = await hear(stream);
      expect(rest.audio.at(-1)?.final).toBe(true);
      expectSpoken(`${sentence}En verder nog dit.`.length);
    });

    it('speaks text as it comes from an input stream, word by word', async () => {
      const stream = voice.stream({ connOptions });
      const words = reply.join('').split(/(?<= )/);
      stream.updateInputStream(
        new ReadableStream<string>({
          async pull(controller) {
            const word = words.shift();
            if (word === undefined) controller.close();
            else controller.enqueue(word);
          },
        }),
      );
      const heard = await hear(stream);
      expect(heard.audio.at(-1)?.final).toBe(true);
      expectSpoken(reply.join('').length);
    });

    it('goes on after a pause in the text, without losing or repeating any', async () => {
      const stream = voice.stream({ connOptions });
      const hearing = hear(stream);
      stream.pushText(sentence);
      stream.pushText('Moment ');
      await seen('context-completed');
      stream.pushText('graag. ');
      stream.endInput();
      const heard = await hearing;
      expect(errors).toEqual([]);
      expect(sum(events('context-completed'), 'characters')).toBe(`${sentence}Moment graag. `.length);
      expect(heard.audio.filter((audio) => audio.final)).toHaveLength(1);
    });

    itWhen(!asksByPiece)('says again what crossed the end of an expired context on its way', async () => {
      const stream = voice.stream({ connOptions });
      const hearing = hear(stream);
      const add = sandbox.log.add.bind(sandbox.log);
      // The stand-in logs the end as it sends it: text pushed at that moment is sent before the end is read.
      vi.spyOn(sandbox.log, 'add').mockImplementation((vendor, event, ...more) => {
        add(vendor, event, ...more);
        if (event !== 'context-completed' || events(event).length > 1) return;
        stream.pushText('Dinsdag om half tien is er nog plaats. Schikt u dat?');
        stream.endInput();
      });
      stream.pushText(sentence);
      await hearing;
      expect(errors).toEqual([]);
      expect(events('request-refused').length).toBeGreaterThan(0);
      expect(sum(events('context-completed'), 'characters')).toBe(
        `${sentence}Dinsdag om half tien is er nog plaats. Schikt u dat?`.length,
      );
    });

    it('speaks flushed segments in order, each with its own id and last frame', async () => {
      const stream = voice.stream({ connOptions });
      stream.pushText('Een ogenblik alstublieft');
      stream.flush();
      stream.pushText('Dinsdag om half tien kan, als u dat schikt');
      stream.endInput();
      const heard = await hear(stream);
      const segments = [...new Set(heard.audio.map((audio) => audio.segmentId))];
      expect(segments).toHaveLength(2);
      const lengths = segments.map((id) =>
        durationMs({ audio: heard.audio.filter((each) => each.segmentId === id), ends: 0 }),
      );
      expect(lengths[1]).toBeGreaterThan(Number(lengths[0]));
      expect(heard.audio.filter((audio) => audio.final).map((audio) => audio.segmentId)).toEqual(segments);
      expect(heard.ends).toBe(1);
    });

    it('serves streams one after another and at once, over one connection if there is one', async () => {
      const alone = await hear(say(sentence));
      const both = await Promise.all([hear(say(...reply)), hear(say(sentence))]);
      if (keepsConnection) expect(events('connection-opened')).toHaveLength(1);
      if (asksByPiece) {
        expect(durationMs(both[1])).toBeCloseTo(durationMs(alone), 0);
        expect((durationMs(alone) + durationMs(both[0]) + durationMs(both[1])) / spokenMs()).toBeCloseTo(1, 1);
        return;
      }
      const [, ...completed] = events('context-completed').map((event) => Number(event.audioMs));
      expect(both.map(durationMs).map(Math.round).toSorted()).toEqual(completed.toSorted());
    });

    it('synthesizes a whole text', async () => {
      const heard = await hear(voice.synthesize(reply.join(''), connOptions));
      expect(durationMs(heard) / spokenMs()).toBeCloseTo(1, 1);
      expect(heard.audio.at(-1)?.final).toBe(true);
    });

    it('on an interruption cancels what is being said and keeps the connection if there is one', async () => {
      const stream = say(...reply);
      await stream.next();
      stream.close();
      await seen('context-cancelled');
      expect((await hear(stream)).ends).toBe(0);
      await nothingIsSaid();

      const spokenBeforeMs = spokenMs();
      const next = await hear(say(sentence));
      if (keepsConnection) expect(events('connection-opened')).toHaveLength(1);
      if (asksByPiece) {
        expect(durationMs(next) / (spokenMs() - spokenBeforeMs)).toBeCloseTo(1, 1);
        expect(errors).toEqual([]);
        return;
      }
      const [completed, ...others] = events('context-completed');
      expect(others).toEqual([]);
      expect(Math.round(durationMs(next))).toBe(completed?.audioMs);
      expect(completed?.connection).toBe(events('context-cancelled')[0]?.connection);
      expect(errors).toEqual([]);
    });

    it('is silent about texts without a word, and asks the vendor nothing', async () => {
      for (const texts of [[], [''], [' ... '], ['—', ' !']]) {
        expect((await hear(say(...texts))).audio).toEqual([]);
      }
      expect((await hear(voice.synthesize(' … ', connOptions))).audio).toEqual([]);
      expect(events('context-started')).toEqual([]);
      expect(errors).toEqual([]);
    });

    itWhen(keepsConnection)('is warm after prewarm', async () => {
      voice.prewarm();
      await seen('connection-opened');
      expect(events('context-started')).toEqual([]);
      await hear(say(sentence));
      expect(events('connection-opened')).toHaveLength(1);
    });

    itWhen(keepsConnection)(
      'opens another connection when the vendor closed the first one between two turns',
      async () => {
        voice.prewarm();
        await seen('connection-opened');
        sandbox.settings.setFailure(harness.vendor, { mode: 'close', times: 1, afterMs: 2_500 });
        await hear(say('Goedemorgen.'));
        await seen('connection-closed');
        expect(durationMs(await hear(say(sentence)))).toBeGreaterThan(0);
        expect(events('connection-opened')).toHaveLength(2);
        expect(errors).toEqual([]);
      },
    );

    testFailures(harness, {
      sandbox: () => sandbox,
      prewarm: () => voice.prewarm(),
      errors: () => errors,
      ...{ events, seen, say, sayRetrying, expectSpoken, spokenMs, sentence, reply },
    });

    it('leaves nothing open after close, whatever it was doing', async () => {
      const talking = say(...reply);
      await talking.next();
      const waiting = voice.stream({ connOptions });
      await voice.close();
      await hear(talking);
      waiting.pushText(sentence);
      waiting.endInput();
      expect((await hear(waiting)).audio).toEqual([]);
      if (asksByPiece) await nothingIsSaid();
      else await seen('connection-closed');
      await vi.waitFor(() => expect(events('connection-closed')).toHaveLength(events('connection-opened').length), {
        timeout: 10_000,
      });
      expect(errors.map(({ error }) => error)).toMatchObject([{ retryable: false }]);
    });
  });
}
