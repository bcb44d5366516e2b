import { AudioFrame } from '@livekit/rtc-node';
import { beforeEach, describe, expect, test } from 'vitest';
import { Playout, type PlayoutSource } from '../../agents/turns/playout.ts';

const sampleRateHz = 24_000;
const samplesPerFrame = 480;
const frameMs = 20;
const queueFrames = 5;

/** A queue of five frames that plays when it is told to; who hands it more waits. */
class Source {
  played: number[] = [];
  #queue: { samples: number[]; taken(): void }[] = [];
  ffiHandle = {} as PlayoutSource['ffiHandle'];

  get queuedDuration(): number {
    return this.#queue.reduce((ms, { samples }) => ms + (samples.length * 1_000) / sampleRateHz, 0);
  }

  captureFrame({ data }: AudioFrame): Promise<void> {
    return new Promise((taken) => {
      this.#queue.push({ samples: [...data], taken });
      if (this.#queue.length <= queueFrames) taken();
    });
  }

  clearQueue(): void {
    for (const { taken } of this.#queue.splice(0)) taken();
  }

  async waitForPlayout(): Promise<void> {}
  async close(): Promise<void> {}

  async play(samples: number): Promise<void> {
    for (let left = samples; left > 0 && this.#queue[0]; ) {
      const heard = this.#queue[0].samples.splice(0, left);
      this.played.push(...heard);
      left -= heard.length;
      if (!this.#queue[0].samples.length) this.#queue.shift();
      this.#queue[queueFrames - 1]?.taken();
      await settled();
    }
  }
}

describe('the playout of an agent', () => {
  let source: Source;
  let playout: Playout;

  beforeEach(() => {
    source = new Source();
    playout = new Playout(source);
  });

  test('goes on at the very sample it was paused at', async () => {
    const speaking = speak(playout, 20);
    await settled();
    await source.play(samplesPerFrame * 3 + 100);
    playout.pause();
    await source.play(samplesPerFrame);
    expect(source.played).toEqual(samples(0, samplesPerFrame * 3 + 100));
    playout.resume();
    await settled();
    await source.play(samplesPerFrame * 20);
    await speaking;
    expect(source.played).toEqual(samples(0, samplesPerFrame * 20));
  });

  test('loses and repeats nothing when it is paused again before it has gone on', async () => {
    const speaking = speak(playout, 12);
    await settled();
    for (let round = 0; round < 4; round++) {
      await source.play(samplesPerFrame + 7);
      playout.pause();
      playout.resume();
      playout.pause();
      await settled();
      playout.resume();
      await settled();
    }
    await source.play(samplesPerFrame * 12);
    await speaking;
    expect(source.played).toEqual(samples(0, samplesPerFrame * 12));
  });

  test('counts what it took back as queued, and forgets it when the reply is ended', async () => {
    const speaking = speak(playout, 8);
    await settled();
    playout.pause();
    expect(playout.queuedDuration).toBeCloseTo((queueFrames + 1) * frameMs);
    playout.clearQueue();
    expect([playout.queuedDuration, playout.paused]).toEqual([0, false]);
    await settled();
    // A frame that was on its way belongs to the reply that was ended.
    expect(source.queuedDuration).toBe(0);
    await speaking;
  });

  test('is not played out while it is paused', async () => {
    await speak(playout, 2);
    playout.pause();
    let isOver = false;
    const over = playout.waitForPlayout().then(() => {
      isOver = true;
    });
    await settled();
    expect(isOver).toBe(false);
    playout.resume();
    await over;
    expect(source.queuedDuration).toBeCloseTo(2 * frameMs);
  });
});

/** Hands over frames of samples that count up, one after the other as the framework does, until the reply is ended. */
async function speak(playout: Playout, frames: number): Promise<void> {
  for (let frame = 0; frame < frames; frame++) {
    const data = Int16Array.from(samples(frame * samplesPerFrame, (frame + 1) * samplesPerFrame));
    const queue = playout.queuedDuration;
    await playout.captureFrame(new AudioFrame(data, sampleRateHz, 1, samplesPerFrame));
    if (queue > 0 && playout.queuedDuration === 0) return;
  }
}

function samples(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
