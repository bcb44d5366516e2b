import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AudioFrame,
  AudioSource,
  LocalAudioTrack,
  ParticipantKind,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { preConnectTopic } from '../../agents/turns/pre-connect.ts';
import { type TranscriptDetail, topics } from '../../domain/conversation.ts';
import { callerSampleRateHz, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { onMessage } from '../support/room-messages.ts';
import { joinSamples, patience, silence } from '../support/voice-call.ts';

const weather = 'tell me about the weather in Paris today';
const name = { words: 'please call me Robin', samples: lineSamples('en-name') };
/** Spoken after a breath: what is said while media begins to flow to a new subscriber is lost to WebRTC, not to the agent. */
const liveAfter = (breathMs: number) => joinSamples(silence(breathMs), lineSamples('en-weather'));
const frameSamples = callerSampleRateHz / 100;
/** The microphone is filled so far ahead: this process also runs the API and the vendors, and now and then pauses. */
const aheadMs = 200;

describe.skipIf(!inject('livekit'))('what a person says before the agent has joined', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  test.each([
    ['samples', { recording: bytesOf(name.samples) }],
    ['Opus in a container', { recording: opusOf(name.samples), mimeType: 'audio/opus' }],
  ])('is heard once and before what they say live, from %s', async (_kind, early) => {
    // Not in the first second of the answer to the recording, which hears nothing for fear of its own echo.
    const call = await joinEarly(stack, { ...early, live: liveAfter(4_000) });
    await expect.poll(() => call.heard.join(' '), patience).toBe(`${name.words} ${weather}`);
  });

  test('is left out where it is nothing that can be decoded, and the call goes on', async () => {
    const recording = Buffer.concat([Buffer.from('OggS', 'latin1'), Buffer.alloc(4_000, 7)]);
    const call = await joinEarly(stack, { recording, mimeType: 'audio/opus', live: liveAfter(500) });
    await expect.poll(() => call.heard.join(' '), patience).toBe(weather);
  });
});

interface EarlyCall {
  recording: Buffer;
  /** What its client calls the recording. */
  mimeType?: string;
  /** What is said from the moment on that the agent listens. */
  live: Int16Array;
}

/**
 * Joins as LiveKit's clients do with a pre-connect buffer: the track says that there is one, and what was recorded until the agent
 * subscribed to the track is sent then, while the person speaks on.
 */
async function joinEarly(stack: LiveStack, { recording, mimeType, live }: EarlyCall): Promise<{ heard: string[] }> {
  const token = await stack.token();
  const room = new Room();
  const source = new AudioSource(callerSampleRateHz, 1, 2 * aheadMs);
  const heard: string[] = [];
  let closed = false;
  onMessage(room, topics.transcriptDetail, (message) => heard.push((JSON.parse(message) as TranscriptDetail).raw));
  for (const topic of ['lk.transcription', topics.turnReport, topics.note, topics.recovery])
    onMessage(room, topic, () => {});
  const subscribed = new Promise<void>((resolve) => room.once(RoomEvent.LocalTrackSubscribed, () => resolve()));
  await room.connect(token.server_url, token.participant_token, { autoSubscribe: true, dynacast: false });
  const track = LocalAudioTrack.createAudioTrack('microphone', source);
  const publishing = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE, preconnectBuffer: true });
  const publication = await room.localParticipant?.publishTrack(track, publishing);
  let position = Number.NEGATIVE_INFINITY;
  const speaking = speak();
  await subscribed;
  position = 0;

  const agent = [...room.remoteParticipants.values()].find(({ kind }) => kind === ParticipantKind.AGENT);
  onTestFinished(async () => {
    closed = true;
    await speaking;
    await room.disconnect();
    await source.close();
  });
  const writer = await room.localParticipant?.streamBytes({
    topic: preConnectTopic,
    mimeType,
    destinationIdentities: [agent?.identity ?? ''],
    attributes: { trackId: publication?.sid ?? '', sampleRate: String(callerSampleRateHz), channels: '1' },
  });
  for (let at = 0; at < recording.length; at += 10_000) await writer?.write(recording.subarray(at, at + 10_000));
  await writer?.close();
  return { heard };

  /** The microphone: silent, but for the live words, in real time. */
  async function speak(): Promise<void> {
    const startedAt = performance.now() - aheadMs;
    for (let frame = 0; !closed; frame += 1) {
      const waitMs = startedAt + frame * 10 - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const samples = new Int16Array(frameSamples);
      if (position >= 0) samples.set(live.subarray(position, position + frameSamples));
      position += frameSamples;
      await source.captureFrame(new AudioFrame(samples, callerSampleRateHz, 1, frameSamples));
    }
  }
}

function bytesOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** The samples as Opus in an Ogg container, made with the ffmpeg of the framework. */
function opusOf(samples: Int16Array): Buffer {
  const framework = createRequire(createRequire(import.meta.url).resolve('@livekit/agents'));
  const { getFfmpegPath } = framework('@livekit/av') as { getFfmpegPath(): string };
  const input = ['-f', 's16le', '-ar', String(callerSampleRateHz), '-ac', '1', '-i', 'pipe:0'];
  const output = ['-c:a', 'libopus', '-b:a', '48k', '-f', 'ogg', 'pipe:1'];
  const { stdout, status } = spawnSync(getFfmpegPath(), ['-loglevel', 'error', ...input, ...output], {
    input: bytesOf(samples),
  });
  if (status !== 0 || stdout.length === 0) throw new Error('the ffmpeg of the framework could not write Ogg Opus');
  return stdout;
}
