import { AutoSubscribe, defineAgent } from '@livekit/agents';
import {
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  type RemoteTrack,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';

const sampleRateHz = 24_000;

/** An agent that sends back what it hears, frame by frame: what is left of a turn when nothing thinks. */
export default defineAgent({
  async entry(ctx) {
    const source = new AudioSource(sampleRateHz, 1, 0);
    ctx.room.on(RoomEvent.TrackSubscribed, async (track: RemoteTrack) => {
      if (track.kind !== TrackKind.KIND_AUDIO) return;
      for await (const frame of new AudioStream(track, { sampleRate: sampleRateHz, numChannels: 1, frameSizeMs: 10 })) {
        await source.captureFrame(frame);
      }
    });
    await ctx.connect(undefined, AutoSubscribe.AUDIO_ONLY);
    const track = LocalAudioTrack.createAudioTrack('echo', source);
    await ctx.agent?.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
    await ctx.agent?.setAttributes({ 'lk.agent.state': 'listening' });
  },
});
