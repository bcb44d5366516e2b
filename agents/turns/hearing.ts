import type { voice } from '@livekit/agents';
import { AudioStream, type RemoteTrack } from '@livekit/rtc-node';

/**
 * Rate at which a session hears its person, hertz; one channel of 16-bit samples. What recognisers and the detector of voices
 * are made for, so that nothing is resampled on the way to them.
 */
export const heardRateHz = 16_000;

/** Length of a frame of live audio, milliseconds. Each frame costs the same on its way through the session, however short. */
export const heardFrameMs = 40;

/** The framework's input from a room, as far as it is reached here: it has no option for the length of frames. */
interface RoomInput {
  createStream?(track: RemoteTrack): AudioStream;
}

/** Has the live audio of a room come in frames of `heardFrameMs`, not of 10 ms; before any of it is subscribed to. */
export function hearInFrames(live: voice.AudioInput): void {
  (live as RoomInput).createStream = (track) =>
    new AudioStream(track, { sampleRate: heardRateHz, numChannels: 1, frameSizeMs: heardFrameMs });
}
