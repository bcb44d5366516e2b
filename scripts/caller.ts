import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  dispose,
  LocalAudioTrack,
  type Participant,
  ParticipantKind,
  type RemoteTrack,
  Room,
  RoomEvent,
  type TextStreamInfo,
  type TextStreamReader,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
} from '@livekit/rtc-node';
import { assetPath } from '../core/assets.ts';
import { type TranscriptDetail, type TurnReport, topics } from '../domain/conversation.ts';
import type { Note } from '../domain/note.ts';

/** Rate of the lines a caller speaks and of what it listens at. */
export const callerSampleRateHz = 16_000;
const frameMs = 10;
const frameSamples = (callerSampleRateHz * frameMs) / 1_000;
/** A frame of 16-bit samples is voiced above this root mean square; speech lies in the thousands, Opus silence near 0. */
export const voicedRms = 150;

/** Text that arrived whole. */
interface Received {
  text: string;
  /** When its first characters arrived, epoch milliseconds. */
  firstTextAtMs: number;
}

/** A piece of text as the room shows it; pieces with the same segment id are one sentence growing. */
export interface Shown extends Received {
  speaker: 'user' | 'agent';
  segmentId: string;
  final: boolean;
}

/** What a caller tells whoever drives it. */
export interface CallerEvents {
  shown?(shown: Shown): void;
  detail?(detail: TranscriptDetail): void;
  report?(report: TurnReport): void;
  /** The note after each change by dictation. */
  note?(note: Note): void;
  /** `lk.agent.state` of the agent. */
  state?(state: string): void;
}

/** Adds to samples at `callerSampleRateHz`, in place, what the microphone picks up besides the person; asked once a frame. */
export type Background = (samples: Int16Array) => void;

/** When a line's first and last voiced samples were sent, epoch milliseconds. */
export interface Spoken {
  firstVoicedAtMs: number;
  lastVoicedAtMs: number;
}

/** Audio that arrived: when (epoch ms) each voiced frame did, `frameMs` long each, and the root mean square of its samples. */
export interface Heard {
  voicedAtMs: number[];
  loudness: number[];
}

/**
 * A person in a LiveKit room: speaks 16 kHz lines into a microphone that is always on, types, and listens. Times are epoch
 * milliseconds taken where a person would take them, at the microphone and at the ear.
 */
export class Caller {
  readonly room = new Room();
  readonly heard: Heard = { voicedAtMs: [], loudness: [] };
  readonly #events: CallerEvents;
  readonly #source = new AudioSource(callerSampleRateHz, 1, 0);
  #line: (Spoken & { samples: Int16Array; position: number; done: () => void }) | undefined;
  #microphone: Promise<void> | undefined;
  readonly #background: Background | undefined;
  #closed = false;

  constructor(events: CallerEvents = {}, background?: Background) {
    this.#events = events;
    this.#background = background;
  }

  /** Joins; with `microphone` a track is published that carries silence until a line is spoken. */
  async join(serverUrl: string, token: string, options: { microphone: boolean }): Promise<void> {
    this.#listen();
    await this.room.connect(serverUrl, token, { autoSubscribe: true, dynacast: false });
    if (!options.microphone) return;
    const track = LocalAudioTrack.createAudioTrack('microphone', this.#source);
    const publishing = new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE });
    await this.room.localParticipant?.publishTrack(track, publishing);
    this.#microphone = this.#runMicrophone();
  }

  /** Waits until an agent is in the room and has reached a state; resolves with its identity. */
  async waitForAgent(
    timeoutMs: number,
    states: readonly string[] = ['listening', 'speaking', 'idle'],
  ): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline) {
      for (const participant of this.room.remoteParticipants.values()) {
        if (isAgent(participant) && states.includes(participant.attributes['lk.agent.state'] ?? ''))
          return participant.identity;
      }
      await sleep(20);
    }
    throw new Error(`no agent was ready in the room within ${timeoutMs} ms`);
  }

  /** Speaks one line in real time; resolves when it is over. */
  async speak(samples: Int16Array): Promise<Spoken> {
    if (!this.#microphone) throw new Error('this caller joined without a microphone');
    const line = { samples, position: 0, firstVoicedAtMs: 0, lastVoicedAtMs: 0, done: () => {} };
    const spoken = new Promise<void>((resolve) => {
      line.done = resolve;
    });
    this.#line = line;
    await spoken;
    return line;
  }

  /** Sends a chat message. Resolves with the time it was sent. */
  async type(text: string): Promise<number> {
    const sentAtMs = epochMs();
    await this.room.localParticipant?.sendText(text, { topic: 'lk.chat' });
    return sentAtMs;
  }

  /** When the first voiced audio after a moment arrived, or undefined. */
  firstVoicedAfter(momentMs: number): number | undefined {
    return this.heard.voicedAtMs.find((at) => at > momentMs);
  }

  /** Milliseconds of voiced audio that arrived between two moments. */
  voicedMsBetween(fromMs: number, toMs: number): number {
    return this.heard.voicedAtMs.filter((at) => at >= fromMs && at < toMs).length * frameMs;
  }

  /** Leaves the room, once. Call `Caller.end()` once all callers of a process have left. */
  async leave(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#microphone;
    await this.room.disconnect();
    await this.#source.close();
  }

  /** Frees the native parts, without which a process would not end. */
  static async end(): Promise<void> {
    await dispose();
  }

  async #runMicrophone(): Promise<void> {
    const startedAt = performance.now();
    for (let frame = 0; !this.#closed; frame++) {
      const waitMs = startedAt + frame * frameMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const samples = this.#nextSamples();
      // Last: when a line is voiced is told from the line alone.
      this.#background?.(samples);
      await this.#source.captureFrame(new AudioFrame(samples, callerSampleRateHz, 1, frameSamples));
    }
  }

  #nextSamples(): Int16Array {
    const samples = new Int16Array(frameSamples);
    const line = this.#line;
    if (!line) return samples;
    samples.set(line.samples.subarray(line.position, line.position + frameSamples));
    line.position += frameSamples;
    if (rms(samples) > voicedRms) {
      line.lastVoicedAtMs = epochMs();
      line.firstVoicedAtMs ||= line.lastVoicedAtMs;
    }
    if (line.position >= line.samples.length) {
      this.#line = undefined;
      line.done();
    }
    return samples;
  }

  #listen(): void {
    const { room } = this;
    room.on(RoomEvent.TrackSubscribed, (track: RemoteTrack) => {
      if (track.kind === TrackKind.KIND_AUDIO) void this.#hear(track);
    });
    room.on(RoomEvent.ParticipantAttributesChanged, (changed: Record<string, string>, participant: Participant) => {
      const state = changed['lk.agent.state'];
      if (state && isAgent(participant)) this.#events.state?.(state);
    });
    const onText = (topic: string, take: (received: Received, info: TextStreamInfo, identity: string) => void) =>
      room.registerTextStreamHandler(topic, async (reader, { identity }) => {
        const received = await receive(reader);
        if (received) take(received, reader.info, identity);
      });
    onText('lk.transcription', (received, { attributes, streamId }, identity) => {
      const speaker = identity === room.localParticipant?.identity ? 'user' : 'agent';
      const segmentId = attributes?.['lk.segment_id'] ?? streamId;
      // An agent's header always says "not final": the end of its stream is the end of the segment.
      const final = speaker === 'agent' || attributes?.['lk.transcription_final'] === 'true';
      this.#events.shown?.({ speaker, segmentId, final, ...received });
    });
    onText(topics.transcriptDetail, ({ text }) => this.#events.detail?.(JSON.parse(text) as TranscriptDetail));
    onText(topics.note, ({ text }) => this.#events.note?.(JSON.parse(text) as Note));
    onText(topics.turnReport, ({ text }) => this.#events.report?.(JSON.parse(text) as TurnReport));
  }

  async #hear(track: RemoteTrack): Promise<void> {
    const stream = new AudioStream(track, { sampleRate: callerSampleRateHz, numChannels: 1, frameSizeMs: frameMs });
    for await (const frame of stream) {
      const loudness = rms(frame.data);
      if (loudness <= voicedRms) continue;
      this.heard.voicedAtMs.push(epochMs());
      this.heard.loudness.push(loudness);
    }
  }
}

/** The samples of a line of `sandbox/lines/`. @throws when the file has another format than `scripts/make-lines.ts` writes. */
export function lineSamples(id: string): Int16Array {
  const file = readFileSync(assetPath('sandbox', 'lines', `${id}.wav`));
  const format = { channels: file.readUInt16LE(22), sampleRateHz: file.readUInt32LE(24), bits: file.readUInt16LE(34) };
  if (format.channels !== 1 || format.sampleRateHz !== callerSampleRateHz || format.bits !== 16) {
    throw new Error(`the line ${id} must be 16-bit mono at ${callerSampleRateHz} Hz, not ${JSON.stringify(format)}`);
  }
  const dataAt = file.indexOf('data', 36, 'latin1');
  const bytes = file.subarray(dataAt + 8, dataAt + 8 + file.readUInt32LE(dataAt + 4));
  return new Int16Array(new Uint8Array(bytes).buffer);
}

/** Reads a stream to its end. Who leaves or is put out of the room in the middle of it doesn't get the rest, nor what came. */
async function receive(reader: TextStreamReader): Promise<Received | undefined> {
  let text = '';
  let firstTextAtMs = 0;
  try {
    for await (const chunk of reader) {
      firstTextAtMs ||= epochMs();
      text += chunk;
    }
  } catch {
    return undefined;
  }
  return { text, firstTextAtMs };
}

function isAgent(participant: Participant): boolean {
  return participant.kind === ParticipantKind.AGENT;
}

function rms(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.sqrt(sum / samples.length);
}

/** Now, in epoch milliseconds with a fraction, comparable between processes of one machine. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
