import { setTimeout as sleep } from 'node:timers/promises';
import { voice } from '@livekit/agents';
import {
  AudioFrame,
  type ByteStreamReader,
  type RemoteParticipant,
  type RemoteTrack,
  type RemoteTrackPublication,
  type Room,
  RoomEvent,
  TrackSource,
} from '@livekit/rtc-node';
import type { Log } from '../../core/log.ts';
import type { CallSession } from '../call.ts';
import { heardFrameMs, heardRateHz, hearInFrames } from './hearing.ts';
import { decodeRecording, UnheardError } from './pre-connect-decode.ts';
import { PreConnectInput } from './pre-connect-input.ts';

/** Topic on which LiveKit's clients send what a microphone recorded before an agent listened (`LocalParticipant.ts` of client-sdk-js). */
export const preConnectTopic = 'lk.agent.pre-connect-audio-buffer';

/** `TF_PRECONNECT_BUFFER` of LiveKit's `AudioTrackFeature`: the client of such a track sends a recording. */
const announced = 6;
/** Live audio waits no longer than this for the recording, from the moment the track is subscribed. */
const patienceMs = 3_000;
/** A recording that goes on for so long without anybody subscribing is given up. */
const longestStreamMs = 30_000;
const largestBytes = 4 * 1024 * 1024;
/** A recording with speech in it, or one left out, is greeted over when no words have been heard for so long. */
const wordsPatienceMs = 3_000;
/** This much of a recording is louder than this root mean square, of full scale 32768, when somebody speaks in it. */
const voiced = { ms: 200, rms: 400 };
const frameSamples = (heardRateHz * heardFrameMs) / 1_000;

/** Where recordings come from. */
export interface PreConnectOptions {
  room: Room;
  /** The one participant whose recording is heard. */
  identity: string;
  log: Log;
}

/**
 * Hears what a person said between pressing "start" and the agent's arrival: receives the recording of their client and feeds it
 * to the session before their live audio. One per call, made before the room is joined. What is late, too large or can't be
 * decoded is left out with one line in the log; the call goes on.
 */
export class PreConnectAudio {
  readonly #options: PreConnectOptions;
  readonly #over = new AbortController();
  readonly #recording: Promise<readonly AudioFrame[]>;
  #settle: (frames: readonly AudioFrame[]) => void = () => {};
  #isAnnounced = false;
  #hasBegun = false;
  #isLeftOut = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: PreConnectOptions) {
    this.#options = options;
    this.#recording = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { room, identity } = options;
    room.registerByteStreamHandler(preConnectTopic, (reader, sender) => void this.#receive(reader, sender.identity));
    room.on(
      RoomEvent.TrackSubscribed,
      (_track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant) => {
        if (participant.identity === identity && publication.source === TrackSource.SOURCE_MICROPHONE)
          this.#giveUpAfter(patienceMs);
      },
    );
  }

  /**
   * Puts the recording before what a session hears, and subscribes to the microphone once that listens: a client records until
   * then, so nothing is lost between the two.
   * @param starting resolves when the session has started, as this does then
   */
  async feed(session: CallSession, starting: Promise<void>): Promise<void> {
    // The framework makes its input as soon as a session starts, and listens to it later: nothing of it has been heard by then.
    if (!session.input.audio) await starting;
    const live = session.input.audio;
    if (live) {
      hearInFrames(live);
      session.input.audio = new PreConnectInput(live, { ready: this.#recording, take: () => this.#take() });
    }
    await starting;
    this.#subscribe();
  }

  /**
   * Whether the person said something before the agent joined: then that is answered, and no greeting is spoken over it, for a
   * session hears nothing in the first second of one. Waits for a recording that is on its way, and for its first words; where
   * it is left out, for those the person may be saying live.
   */
  async hasSpoken(session: CallSession): Promise<boolean> {
    if (!this.#isAnnounced && !this.#hasBegun) return false;
    const words = new Promise<boolean>((resolve) => {
      session.once(voice.AgentSessionEventTypes.UserInputTranscribed, () => resolve(true));
    });
    if (!isVoiced(await this.#recording) && !this.#isLeftOut) return false;
    return Promise.race([words, sleep(wordsPatienceMs, false, { ref: false })]);
  }

  /** Subscribes to the microphones of the person: those there are, and those they publish later. */
  #subscribe(): void {
    const { room, identity } = this.#options;
    const subscribe = (publication: RemoteTrackPublication, participant: RemoteParticipant) => {
      if (participant.identity !== identity || publication.source !== TrackSource.SOURCE_MICROPHONE) return;
      if (publication.info?.audioFeatures.includes(announced)) this.#isAnnounced = true;
      if (!publication.subscribed) publication.setSubscribed(true);
    };
    room.on(RoomEvent.TrackPublished, subscribe);
    const person = room.remoteParticipants.get(identity);
    for (const publication of person?.trackPublications.values() ?? []) if (person) subscribe(publication, person);
  }

  /** Live audio waits for a recording that is on its way, and for none otherwise. */
  #take(): Promise<readonly AudioFrame[]> {
    if (!this.#isAnnounced && !this.#hasBegun) this.#finish([]);
    return this.#recording;
  }

  async #receive(reader: ByteStreamReader, sender: string): Promise<void> {
    const refusal = this.#refusalOf(sender);
    if (refusal) {
      this.#leaveOut(refusal);
      return reader.close();
    }
    this.#hasBegun = true;
    if (!this.#deadline) this.#giveUpAfter(longestStreamMs);
    try {
      const samples = await this.#read(reader);
      const lengthMs = Math.round((samples.length * 1_000) / heardRateHz);
      this.#options.log.info({ lengthMs }, 'a recording from before the agent joined is heard');
      this.#finish(framesOf(samples));
    } catch (error) {
      // It was named when it was given up.
      if (this.#over.signal.aborted) return;
      this.#giveUp(error instanceof UnheardError ? error.message : 'it broke off');
    }
  }

  async #read(reader: ByteStreamReader): Promise<Int16Array> {
    const { signal } = this.#over;
    signal.addEventListener('abort', () => void reader.close(), { once: true });
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of reader) {
      length += piece.length;
      if (length > largestBytes) throw new UnheardError(`it is larger than ${largestBytes} bytes`);
      pieces.push(piece);
    }
    // A stream that is closed here ends as if it were complete.
    signal.throwIfAborted();
    const { trackId = '', sampleRate, channels } = reader.info.attributes ?? {};
    if (!this.#isMicrophone(trackId)) throw new UnheardError("its track isn't the microphone of the person");
    const format = { sampleRateHz: Number(sampleRate), channels: Number(channels) };
    const samples = await decodeRecording(Buffer.concat(pieces), format, signal);
    signal.throwIfAborted();
    return samples;
  }

  /** Some clients name no track. */
  #isMicrophone(trackId: string): boolean {
    const { room, identity } = this.#options;
    const publication = room.remoteParticipants.get(identity)?.trackPublications.get(trackId);
    return trackId === '' || publication?.source === TrackSource.SOURCE_MICROPHONE;
  }

  #refusalOf(sender: string): string | undefined {
    if (sender !== this.#options.identity) return "it isn't from the person of the call";
    if (this.#hasBegun) return 'it is not the first';
    return this.#over.signal.aborted ? 'it came late' : undefined;
  }

  #giveUpAfter(ms: number): void {
    clearTimeout(this.#deadline);
    if (this.#over.signal.aborted) return;
    this.#deadline = setTimeout(() => {
      if (this.#isAnnounced || this.#hasBegun) this.#giveUp('it was not complete in time');
      else this.#finish([]);
    }, ms);
    this.#deadline.unref();
  }

  #giveUp(reason: string): void {
    this.#leaveOut(reason);
    this.#isLeftOut = true;
    this.#finish([]);
  }

  #finish(frames: readonly AudioFrame[]): void {
    clearTimeout(this.#deadline);
    this.#settle(frames);
    this.#over.abort();
  }

  #leaveOut(reason: string): void {
    this.#options.log.warn({ reason }, 'a recording from before the agent joined is left out');
  }
}

function isVoiced(frames: readonly AudioFrame[]): boolean {
  const loud = frames.filter(({ data }) => {
    const power = data.reduce((sum, sample) => sum + sample * sample, 0) / data.length;
    return Math.sqrt(power) > voiced.rms;
  });
  return loud.length * heardFrameMs >= voiced.ms;
}

function framesOf(samples: Int16Array): AudioFrame[] {
  return Array.from({ length: Math.ceil(samples.length / frameSamples) }, (_, index) => {
    const piece = samples.slice(index * frameSamples, (index + 1) * frameSamples);
    return new AudioFrame(piece, heardRateHz, 1, piece.length);
  });
}
