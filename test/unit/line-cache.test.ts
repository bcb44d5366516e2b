import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { AudioFrame } from '@livekit/rtc-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineCache } from '../../agents/turns/line-cache.ts';
import { speakLine } from '../../agents/turns/repeated-lines.ts';

const sampleRateHz = 16_000;
const line = 'One moment, please.';
const lines = [line, 'Are you still there?'];

/** A voice that says every character in 60 ms, and remembers what it was asked. */
function voice() {
  const asked: string[] = [];
  const speak = async (words: ReadableStream<string>) => {
    let text = '';
    for await (const piece of words) text += piece;
    asked.push(text);
    return ReadableStream.from(framesOf(text.length * 60));
  };
  return { asked, speak };
}

function framesOf(durationMs: number): AudioFrame[] {
  const samples = new Int16Array((sampleRateHz * durationMs) / 1_000).fill(1_000);
  return [new AudioFrame(samples, sampleRateHz, 1, samples.length)];
}

async function msOf(audio: ReadableStream<AudioFrame> | null): Promise<number> {
  let samples = 0;
  for await (const frame of audio ?? []) samples += frame.samplesPerChannel;
  return (samples / sampleRateHz) * 1_000;
}

describe('recordings of the lines that repeat', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-lines-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const cacheOf = async (name = 'a voice') => {
    const cache = new LineCache({ folder, voice: name, lines });
    await cache.load();
    return cache;
  };

  it('are made when a line is spoken first, and played afterwards, in other processes too', async () => {
    const { asked, speak } = voice();
    const first = await msOf(await speakLine(ReadableStream.from(['One mo', 'ment, please.']), await cacheOf(), speak));
    // Written once all of it was heard.
    await vi.waitFor(async () => expect((await cacheOf()).missing()).toEqual([lines[1]]));
    const again = await cacheOf();
    const played = await msOf(await speakLine(ReadableStream.from(['One mo', 'ment, please.']), again, speak));
    expect(asked).toEqual([line]);
    expect(first).toBe(line.length * 60);
    expect(played).toBe(first);
  });

  it('hold nothing else, and lose no word of what begins like one of them', async () => {
    const { asked, speak } = voice();
    const cache = await cacheOf();
    await msOf(await speakLine(ReadableStream.from([line]), cache, speak));
    await vi.waitFor(async () => expect((await cacheOf()).missing()).toEqual([lines[1]]));
    for (const text of [['One moment, ', 'Robin.'], ['One moment'], [line, ' Robin.'], ['I heard you.'], ['']]) {
      await msOf(await speakLine(ReadableStream.from(text), cache, speak));
    }
    expect(asked).toEqual([line, 'One moment, Robin.', 'One moment', `${line} Robin.`, 'I heard you.', '']);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('are not made of a line that was cut off, and not taken from another voice', async () => {
    const cache = await cacheOf();
    await cache.keep(line, framesOf(300));
    expect(cache.missing()).toEqual(lines);
    await cache.keep(line, framesOf(1_200));
    expect((await cacheOf()).missing()).toEqual([lines[1]]);
    expect((await cacheOf('another voice')).missing()).toEqual(lines);
  });

  it('that can not be read or written are made again', async () => {
    const cache = await cacheOf();
    await cache.keep(line, framesOf(1_200));
    const [file = ''] = await readdir(folder);
    await writeFile(join(folder, file), 'no recording');
    expect((await cacheOf()).missing()).toEqual(lines);
    const unwritable = new LineCache({ folder: join(folder, file, 'below'), voice: 'a voice', lines });
    await unwritable.load();
    await unwritable.keep(line, framesOf(1_200));
    expect(unwritable.frames(line)).toHaveLength(60);
  });
});
