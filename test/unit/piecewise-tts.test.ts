import { APIConnectionError, APITimeoutError, initializeLogger, type tts, voice } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PieceOptions, type PieceSource, PiecewiseTTS } from '../../providers/tts/piecewise.ts';

const sampleRateHz = 8_000;
const bytesPerMs = 16;
/** What the source below makes of a character. */
const msPerCharacter = 10;

/** A source that speaks at once, in chunks that split samples, unless a test says otherwise. */
class ScriptedSource implements PieceSource {
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  running = 0;
  mostRunning = 0;
  script: (text: string, options: PieceOptions, time: number) => Promise<void> = (text, options) => say(text, options);

  async speak(text: string, options: PieceOptions): Promise<void> {
    this.asked.push(text);
    this.signals.push(options.signal);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await this.script(text, options, this.asked.filter((each) => each === text).length);
    } finally {
      this.running -= 1;
    }
  }
}

async function say(text: string, { onAudio }: PieceOptions): Promise<void> {
  const audio = new Uint8Array(text.length * msPerCharacter * bytesPerMs);
  for (let at = 0; at < audio.length; at += 333) {
    onAudio(audio.subarray(at, at + 333));
    await Promise.resolve();
  }
}

class Voice extends PiecewiseTTS {
  label = 'test.TTS';
}

const pieces = ['Goedemorgen, ', 'waarmee kan ik u helpen? ', 'Zegt u het maar. Graag. '];
const text = pieces.join('');

describe('PiecewiseTTS', () => {
  let source: ScriptedSource;
  let speaker: Voice;
  let errors: Error[];
  beforeEach(() => {
    initializeLogger({ pretty: false, level: 'silent' });
    source = new ScriptedSource();
    speaker = new Voice({ sampleRateHz, source, timeoutMs: 300 });
    errors = [];
    speaker.on('error', ({ error }: Parameters<tts.TTSCallbacks['error']>[0]) => errors.push(error));
  });
  afterEach(() => speaker.close());

  const stream = (maxRetry = 0) => {
    const made = speaker.stream({ connOptions: { maxRetry, retryIntervalMs: 10, timeoutMs: 1_000 } });
    made.pushText(text);
    made.endInput();
    return made;
  };
  const hear = async (spoken: tts.SynthesizeStream) => {
    const audio: tts.SynthesizedAudio[] = [];
    for await (const item of spoken) if (typeof item !== 'symbol') audio.push(item);
    return audio;
  };
  const lengthMs = (audio: readonly tts.SynthesizedAudio[]) =>
    audio.reduce((total, { frame }) => total + (frame.samplesPerChannel / sampleRateHz) * 1_000, 0);
  const spokenIn = (audio: readonly tts.SynthesizedAudio[]) =>
    audio.flatMap(({ timedTranscripts = [] }) => timedTranscripts);

  it('tells with the last frame of each piece what was spoken and when', async () => {
    const audio = await hear(stream());
    expect(source.asked).toEqual(pieces);
    let atMs = 0;
    for (const piece of pieces) {
      const startTime = atMs / 1_000;
      atMs += piece.length * msPerCharacter;
      const last = audio.findIndex(({ timedTranscripts = [] }) => timedTranscripts.some((each) => each.text === piece));
      expect(lengthMs(audio.slice(0, last + 1))).toBeCloseTo(atMs, 3);
      expect(audio[last]?.timedTranscripts).toMatchObject([{ text: piece, startTime, endTime: atMs / 1_000 }]);
    }
    expect(audio.map(({ final }) => final)).toEqual([...audio.slice(1).map(() => false), true]);
  });

  it('tells words instead, where the source knows them, in times of the segment', async () => {
    source.script = async (piece, options) => {
      options.onWords([voice.createTimedString({ text: piece.trim(), startTime: 0, endTime: 0.05 })]);
      await say(piece, options);
    };
    const words = spokenIn(await hear(stream()));
    expect(words.map((word) => word.text)).toEqual(pieces.map((piece) => piece.trim()));
    expect(words[1]?.startTime).toBeCloseTo((pieces[0]?.length ?? 0) * (msPerCharacter / 1_000), 3);
  });

  it('asks for one piece ahead at most, and not before there is audio of the one before', async () => {
    const release: (() => void)[] = [];
    source.script = async (piece, options) => {
      await new Promise<void>((resolve) => release.push(resolve));
      options.onAudio(new Uint8Array(1_600));
      await new Promise<void>((resolve) => release.push(resolve));
      await say(piece, options);
    };
    const hearing = hear(stream());
    await vi.waitFor(() => expect(source.asked).toHaveLength(1));
    release.shift()?.();
    await vi.waitFor(() => expect(source.asked).toHaveLength(2));
    while (source.running > 0) {
      release.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await hearing;
    expect(source.asked).toEqual(pieces);
    expect(source.mostRunning).toBe(2);
  });

  it('begins a retry with the first piece of which nothing was heard', async () => {
    source.script = async (piece, options, time) => {
      if (piece === pieces[1] && time === 1) throw new APIConnectionError({ message: 'lost' });
      await say(piece, options);
    };
    const audio = await hear(stream(2));
    expect(source.asked).toEqual([pieces[0], pieces[1], ...pieces.slice(1)]);
    expect(lengthMs(audio)).toBeCloseTo(text.length * msPerCharacter, 3);
    expect(spokenIn(audio).map((each) => each.text)).toEqual(pieces);
    expect(audio.filter(({ final }) => final)).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('gives all of what was heard before it fails, and nothing of the rest', async () => {
    source.script = async (piece, options) => {
      if (piece === pieces[1]) throw new APIConnectionError({ message: 'lost' });
      await say(piece, options);
    };
    const audio = await hear(stream());
    expect(spokenIn(audio).map((each) => each.text)).toEqual([pieces[0]]);
    expect(lengthMs(audio)).toBeCloseTo((pieces[0]?.length ?? 0) * msPerCharacter, 3);
    expect(errors).toMatchObject([{ retryable: true }]);
  });

  it('does not say a piece again of which something was heard', async () => {
    source.script = async (piece, options) => {
      await say(piece, options);
      if (piece === pieces[1]) throw new APIConnectionError({ message: 'lost' });
    };
    const audio = await hear(stream(2));
    expect(source.asked).toEqual(pieces.slice(0, source.asked.length));
    expect(spokenIn(audio).map((each) => each.text)).toEqual([pieces[0]]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(APIConnectionError);
    expect(errors).toMatchObject([{ retryable: false }]);
  });

  it('gives up a piece that stays silent, even if the source does not heed its signal', async () => {
    source.script = () => new Promise(() => {});
    expect(await hear(stream())).toEqual([]);
    expect(errors[0]).toBeInstanceOf(APITimeoutError);
    expect(source.signals[0]?.aborted).toBe(true);
  });

  it('takes an answer without audio for a failure', async () => {
    source.script = async () => {};
    expect(await hear(stream())).toEqual([]);
    expect(errors).toMatchObject([{ message: 'The voice answered a text without audio' }]);
  });

  it('cancels every piece on an interruption and gives nothing afterwards', async () => {
    let late = () => {};
    source.script = async (_, options) => {
      options.onAudio(new Uint8Array(3_200));
      late = () => options.onAudio(new Uint8Array(3_200));
      await new Promise(() => {});
    };
    const spoken = stream();
    await spoken.next();
    await vi.waitFor(() => expect(source.asked).toHaveLength(2));
    spoken.close();
    expect(source.signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    late();
    const rest = await hear(spoken);
    expect(lengthMs(rest)).toBeLessThan(200);
    expect(errors).toEqual([]);
  });
});
