import type { tts } from '@livekit/agents';
import type { SandboxEvent } from '../../sandbox/log.ts';
import { voicedMs } from '../../sandbox/voice.ts';

/** Of streams that try once. */
export const connOptions = { maxRetry: 0, retryIntervalMs: 50, timeoutMs: 5_000 };

/** Everything a stream gave. */
interface Heard {
  audio: tts.SynthesizedAudio[];
  /** Number of `END_OF_STREAM` marks. */
  ends: number;
}

/** A stream of texts, all of them pushed. */
export function speaking(voice: tts.TTS, texts: readonly string[], maxRetry: number): tts.SynthesizeStream {
  const stream = voice.stream({ connOptions: { ...connOptions, maxRetry } });
  for (const text of texts) stream.pushText(text);
  stream.endInput();
  return stream;
}

/** Hears a stream to its end. */
export async function hear(stream: tts.SynthesizeStream | tts.ChunkedStream): Promise<Heard> {
  const heard: Heard = { audio: [], ends: 0 };
  for await (const item of stream) {
    if (typeof item === 'symbol') heard.ends += 1;
    else heard.audio.push(item);
  }
  return heard;
}

/** How long its audio plays. */
export function durationMs({ audio }: Heard): number {
  return audio.reduce((total, { frame }) => total + (frame.samplesPerChannel / frame.sampleRate) * 1000, 0);
}

/** How many milliseconds of its audio are voiced. */
export function voicedIn({ audio }: Heard): number {
  return audio.reduce((total, { frame }) => total + voicedMs(frame.data, frame.sampleRate), 0);
}

/** Sum of one detail of events. */
export function sum(events: SandboxEvent[], detail: string): number {
  return events.reduce((total, event) => total + Number(event[detail]), 0);
}
