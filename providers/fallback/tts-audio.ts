import { AudioFrame, AudioResampler } from '@livekit/rtc-node';
import { rootMeanSquare } from './stt-audio.ts';

/** Quieter than this is no sound: -60 dBFS, of full scale 1. */
const soundLevel = 0.001;
/** Silence ahead of the first sound that is left. */
const leadMs = 20;

/** What a member's audio becomes: one sample rate, and no silence ahead of the first sound. */
export class MemberAudio {
  readonly #outputHz: number;
  readonly #resampler: AudioResampler | undefined;
  #hasSound = false;
  #isEnded = false;
  #silentSeconds = 0;

  /** @param inputHz the member's rate @param outputHz the composite's */
  constructor(inputHz: number, outputHz: number) {
    this.#outputHz = outputHz;
    this.#resampler = inputHz === outputHz ? undefined : new AudioResampler(inputHz, outputHz, 1);
  }

  /** Whether there was any sound. */
  get hasSound(): boolean {
    return this.#hasSound;
  }

  /** Length of the silence at the end of what came. */
  get silentSeconds(): number {
    return this.#silentSeconds;
  }

  /** Takes a frame and gives what is to be heard of it now. */
  write(frame: AudioFrame): AudioFrame[] {
    const isSound = rootMeanSquare(frame.data) >= soundLevel;
    this.#silentSeconds = isSound ? 0 : this.#silentSeconds + frame.samplesPerChannel / frame.sampleRate;
    if (this.#isEnded || (!this.#hasSound && !isSound)) return [];
    const heard = this.#hasSound ? frame : withoutLead(frame);
    this.#hasSound = true;
    if (!this.#resampler) return [heard];
    // The resampler reads the memory from its beginning.
    return this.#resampler.push(new AudioFrame(heard.data.slice(), heard.sampleRate, 1, heard.samplesPerChannel));
  }

  /** Ends the audio and gives what was held back of it. */
  end(): AudioFrame[] {
    if (this.#isEnded) return [];
    this.#isEnded = true;
    const rest = this.#hasSound ? (this.#resampler?.flush() ?? []) : [];
    this.#resampler?.close();
    return rest.filter(({ samplesPerChannel }) => samplesPerChannel > 0);
  }

  /** A moment of silence. */
  silence(): AudioFrame {
    return AudioFrame.create(this.#outputHz, 1, (this.#outputHz * leadMs) / 1000);
  }
}

function withoutLead(frame: AudioFrame): AudioFrame {
  const first = frame.data.findIndex((sample) => Math.abs(sample) >= soundLevel * 32_768);
  const cut = Math.max(0, first - Math.round((frame.sampleRate * leadMs) / 1000));
  if (cut === 0) return frame;
  const data = frame.data.slice(cut);
  return new AudioFrame(data, frame.sampleRate, frame.channels, data.length);
}
