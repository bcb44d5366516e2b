import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { initializeLogger, voice } from '@livekit/agents';
import { AudioFrame, type ByteStreamHandler, type Room, RoomEvent, TrackSource } from '@livekit/rtc-node';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { heardRateHz } from '../../agents/turns/hearing.ts';
import { PreConnectAudio } from '../../agents/turns/pre-connect.ts';
import { decodeRecording } from '../../agents/turns/pre-connect-decode.ts';
import type { Log } from '../../core/log.ts';

const identity = 'robin';
const samples = Int16Array.from({ length: (heardRateHz * 40) / 1_000 }, (_, index) => index);
const recording = Buffer.from(samples.buffer);
const live = new AudioFrame(new Int16Array(480).fill(-7), heardRateHz, 1, 480);

/** The input of a room, which gives what it is pushed. */
class LiveInput extends voice.AudioInput {
  #push: (frame: AudioFrame) => void = () => {};
  constructor() {
    super();
    const source = new ReadableStream<AudioFrame>({
      start: (controller) => {
        this.#push = (frame) => controller.enqueue(frame);
      },
    });
    // The framework takes Node's type, which is the same class.
    this.multiStream.addInputStream(source as Parameters<typeof this.multiStream.addInputStream>[0]);
  }

  hear(frame: AudioFrame): void {
    this.#push(frame);
  }
}

/** A room with one person in it, and a call that listens to them. */
class TestCall extends EventEmitter {
  readonly log = { info: vi.fn(), warn: vi.fn() };
  readonly input = new LiveInput();
  readonly setSubscribed = vi.fn();
  readonly heard: number[] = [];
  readonly publication;
  readonly remoteParticipants;
  readonly early: PreConnectAudio;
  receive: ByteStreamHandler = () => {};
  readonly session: CallSession;

  constructor(audioFeatures: number[]) {
    super();
    const { setSubscribed } = this;
    this.publication = { source: TrackSource.SOURCE_MICROPHONE, info: { audioFeatures }, setSubscribed };
    this.remoteParticipants = new Map([
      [identity, { identity, trackPublications: new Map([['TR_1', this.publication]]) }],
    ]);
    // Only what is used of a room, a log and a session is made.
    this.early = new PreConnectAudio({ room: this as unknown as Room, identity, log: this.log as unknown as Log });
    this.session = Object.assign(new EventEmitter(), { input: { audio: this.input } }) as unknown as CallSession;
  }

  registerByteStreamHandler(_topic: string, handler: ByteStreamHandler): void {
    this.receive = handler;
  }

  async start(): Promise<void> {
    await this.early.feed(this.session, Promise.resolve());
    const reader = this.session.input.audio?.stream.getReader();
    void (async () => {
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
        this.heard.push(...next.value.data);
      }
    })();
  }

  subscribe(): void {
    this.emit(RoomEvent.TrackSubscribed, {}, this.publication, this.remoteParticipants.get(identity));
  }

  /** A client sends a recording; it is complete when all of it was taken, or never. */
  send(bytes: Buffer, { from = identity, trackId = 'TR_1', complete = true } = {}): { closed: boolean } {
    const stream = { closed: false };
    let close = () => {};
    const pending = new Promise<void>((resolve) => {
      close = () => {
        stream.closed = true;
        resolve();
      };
    });
    const reader = {
      info: { attributes: { trackId, sampleRate: String(heardRateHz), channels: '1' } },
      close: async () => close(),
      async *[Symbol.asyncIterator]() {
        for (let at = 0; at < bytes.length; at += 1_000_000) yield bytes.subarray(at, at + 1_000_000);
        if (!complete) await pending;
      },
    };
    this.receive(reader as unknown as Parameters<ByteStreamHandler>[0], { identity: from });
    return stream;
  }

  reasons(): unknown[] {
    return this.log.warn.mock.calls.map(([{ reason }]) => reason);
  }
}

const liveSamples = [...live.data];

describe('a recording from before the agent joined', () => {
  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));
  beforeEach(() => void vi.useRealTimers());

  test('is heard once, before the live audio that waits for it', async () => {
    const call = new TestCall([6]);
    await call.start();
    expect(call.setSubscribed).toHaveBeenCalledWith(true);
    call.subscribe();
    call.input.hear(live);
    call.input.hear(live);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(call.heard).toEqual([]);
    call.send(recording);
    await vi.waitFor(() => expect(call.heard).toEqual([...samples, ...liveSamples, ...liveSamples]));
    call.send(recording);
    await vi.waitFor(() => expect(call.reasons()).toEqual(['it is not the first']));
    expect(call.heard).toHaveLength(samples.length + 2 * liveSamples.length);
    expect(call.log.info).toHaveBeenCalledWith({ lengthMs: 40 }, expect.anything());
  });

  test('is not waited for where none is announced', async () => {
    const call = new TestCall([]);
    await call.start();
    call.input.hear(live);
    await vi.waitFor(() => expect(call.heard).toEqual(liveSamples));
    call.send(recording);
    expect(call.reasons()).toEqual(['it came late']);
    expect(await call.early.hasSpoken(call.session)).toBe(false);
  });

  test.each([
    ['of somebody else', { from: 'someone' }, "it isn't from the person of the call"],
    ['of another track', { trackId: 'TR_2' }, "its track isn't the microphone of the person"],
  ])('is left out where it is %s', async (_what, sending, reason) => {
    const call = new TestCall([]);
    await call.start();
    call.send(recording, sending);
    call.input.hear(live);
    await vi.waitFor(() => expect(call.heard).toEqual(liveSamples));
    expect(call.reasons()).toEqual([reason]);
  });

  test('is left out where it is too large', async () => {
    const call = new TestCall([6]);
    await call.start();
    call.send(Buffer.alloc(5_000_000));
    call.input.hear(live);
    await vi.waitFor(() => expect(call.heard).toEqual(liveSamples));
    expect(call.reasons()).toEqual(['it is larger than 4194304 bytes']);
  });

  test('keeps the greeting waiting where it is left out, for the person may go on to speak', async () => {
    const call = new TestCall([6]);
    await call.start();
    call.send(Buffer.alloc(5_000_000));
    await vi.waitFor(() => expect(call.reasons()).toHaveLength(1));
    const hasSpoken = call.early.hasSpoken(call.session);
    expect(await Promise.race([hasSpoken, sleep(100, 'waiting')])).toBe('waiting');
    // What the session says of words, as far as it is looked at.
    (call.session as unknown as EventEmitter).emit(voice.AgentSessionEventTypes.UserInputTranscribed);
    expect(await hasSpoken).toBe(true);
  });

  test('is given up three seconds after the track was subscribed, and live audio goes on', async () => {
    vi.useFakeTimers();
    const call = new TestCall([6]);
    await call.start();
    call.subscribe();
    const stream = call.send(recording, { complete: false });
    call.input.hear(live);
    await vi.advanceTimersByTimeAsync(2_900);
    expect(call.heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(stream.closed).toBe(true);
    expect(call.reasons()).toEqual(['it was not complete in time']);
    expect(call.heard).toEqual(liveSamples);
  });

  test('is not heard while a call is on hold', async () => {
    const call = new TestCall([6]);
    await call.start();
    call.session.input.audio?.setAttached(false);
    call.send(recording);
    call.input.hear(live);
    await vi.waitFor(() => expect(call.heard).toEqual(liveSamples));
  });
});

describe('decoding a recording', () => {
  const signal = new AbortController().signal;

  test('gives one channel at the rate of a session, and of a long one the end', async () => {
    const stereo = Buffer.alloc(48_000 * 4, 0);
    for (let at = 0; at < stereo.length; at += 4) stereo.writeInt16LE(1_000, at);
    const second = await decodeRecording(stereo, { sampleRateHz: 48_000, channels: 2 }, signal);
    expect(Math.abs(second.length - heardRateHz)).toBeLessThan(heardRateHz / 100);
    expect(second[heardRateHz / 2]).toBeCloseTo(500, -2);
    const minute = Buffer.alloc(heardRateHz * 2 * 60);
    minute.writeInt16LE(77, minute.length - 2);
    const kept = await decodeRecording(minute, { sampleRateHz: heardRateHz, channels: 1 }, signal);
    expect([kept.length, kept.at(-1)]).toEqual([heardRateHz * 30, 77]);
  });

  test.each([
    ['a rate', { sampleRateHz: Number.NaN, channels: 1 }, 'sampleRate'],
    ['channels', { sampleRateHz: 48_000, channels: 6 }, 'channels'],
  ])('names what it doesn’t know of: %s', async (_what, pcm, named) => {
    await expect(decodeRecording(recording, pcm, signal)).rejects.toThrow(named);
  });

  test('doesn’t know what is broken in a container', async () => {
    const broken = Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.alloc(1_000, 3)]);
    await expect(decodeRecording(broken, { sampleRateHz: 48_000, channels: 1 }, signal)).rejects.toThrow('matroska');
  });
});
