import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { newRoomName } from '../../core/ids.ts';
import { ensureLiveKit } from '../../scripts/livekit.ts';

const shared = inject('livekit');
const sampleRateHz = 48_000;

describe.skipIf(!shared)('a LiveKit server of ours', () => {
  const server = shared as NonNullable<typeof shared>;

  test('carries data and audio between two participants over loopback', async () => {
    const roomName = newRoomName();
    const speaker = await join(server, roomName, 'speaker');
    const listener = await join(server, roomName, 'listener');

    const data = new Promise<string>((resolve) => {
      listener.on(RoomEvent.DataReceived, (payload) => resolve(new TextDecoder().decode(payload)));
    });
    await speaker.localParticipant?.publishData(new TextEncoder().encode('a message'), { reliable: true });
    expect(await data).toBe('a message');

    const subscribed = new Promise<RemoteTrack>((resolve) => {
      listener.on(RoomEvent.TrackSubscribed, (track) => resolve(track));
    });
    const source = new AudioSource(sampleRateHz, 1);
    const track = LocalAudioTrack.createAudioTrack('tone', source);
    await speaker.localParticipant?.publishTrack(
      track,
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
    let hearing = true;
    const heard = loudFrames(await subscribed, 20).finally(() => {
      hearing = false;
    });
    for (let position = 0; hearing; position += sampleRateHz / 100) await source.captureFrame(tone(position));
    expect(await heard).toBe(20);
    await source.close();
  });

  test('runs beside another one', async () => {
    const other = await ensureLiveKit({ env: { ...process.env, LIVEKIT_URL: undefined }, progress: () => {} });
    onTestFinished(() => other.stop());
    expect(other.url).not.toBe(server.url);
    const roomName = newRoomName();
    const here = await join(server, roomName, 'someone');
    const there = await join(other, roomName, 'someone-else');
    expect([here.remoteParticipants.size, there.remoteParticipants.size]).toEqual([0, 0]);
    await expect(join({ ...other, url: server.url }, roomName, 'a-stranger')).rejects.toThrow();
  });

  test('is gone once it is stopped', async () => {
    const other = await ensureLiveKit({ env: { ...process.env, LIVEKIT_URL: undefined }, progress: () => {} });
    const url = other.url.replace('ws', 'http');
    expect((await fetch(url)).status).toBe(200);
    await other.stop();
    await expect(fetch(url)).rejects.toThrow();
  });
});

async function join(
  { url, apiKey, apiSecret }: { url: string; apiKey: string; apiSecret: string },
  roomName: string,
  identity: string,
): Promise<Room> {
  const token = new AccessToken(apiKey, apiSecret, { identity });
  token.addGrant({ roomJoin: true, room: roomName });
  const room = new Room();
  await room.connect(url, await token.toJwt(), { autoSubscribe: true, dynacast: false });
  onTestFinished(() => room.disconnect());
  return room;
}

/** Ten milliseconds of 440 Hz, beginning at a sample of the whole. */
function tone(position: number): AudioFrame {
  const samples = Int16Array.from({ length: sampleRateHz / 100 }, (_, index) =>
    Math.round(8_000 * Math.sin((2 * Math.PI * 440 * (position + index)) / sampleRateHz)),
  );
  return new AudioFrame(samples, sampleRateHz, 1, samples.length);
}

/** Reads a track until so many frames were loud; silence before the tone doesn't count. */
async function loudFrames(track: RemoteTrack, count: number): Promise<number> {
  let loud = 0;
  for await (const frame of new AudioStream(track, sampleRateHz, 1)) {
    const power = frame.data.reduce((sum, sample) => sum + sample * sample, 0) / frame.data.length;
    if (Math.sqrt(power) > 2_000) loud += 1;
    if (loud === count) break;
  }
  return loud;
}
