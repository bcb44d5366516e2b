import { RefusedEvent } from './openai-conversation-events.ts';
import { type Item, newId } from './openai-conversation-items.ts';
import type { SessionState } from './openai-conversation-session.ts';
import type { SpeechLibrary } from './speech/library.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';

/** What the ears of a conversation need of it. */
export interface TurnsHost {
  /** From the arrival of the last voiced audio to the end of a turn. */
  finalMs(): number;
  lastItemId(): string | null;
  send(event: { type: string } & Record<string, unknown>): void;
  log(event: string, details?: Record<string, unknown>): void;
  /** Somebody begins to speak. */
  interrupt(): void;
  /** Somebody has spoken; `isCommitted` when the client said so. */
  heard(item: Item, transcript: Transcript, isCommitted: boolean): void;
}

const sampleRateHz = 24_000;
/** A commit of less than this is refused. */
const shortestCommitMs = 100;
/** The vendor doesn't say how much a semantic detection puts before a turn. */
const semanticPaddingMs = 300;

/** Finds turns in the audio of one connection, or takes them as the client commits them. */
export class Turns {
  readonly #session: SessionState;
  readonly #host: TurnsHost;
  readonly #listener: SpeechListener;
  /** Of the turn that is being heard, once its beginning was told. */
  #itemId: string | undefined;
  #committedMs = 0;

  constructor(library: SpeechLibrary, session: SessionState, host: TurnsHost) {
    this.#session = session;
    this.#host = host;
    this.#listener = new SpeechListener(library, sampleRateHz, () => session.timing(host.finalMs()), {
      speechStarted: (atMs) => this.#started(atMs),
      interim: () => {},
      final: (transcript, flushed) => this.#ended(transcript, flushed),
    });
  }

  /** Audio received. */
  get positionMs(): number {
    return this.#listener.positionMs;
  }

  /** Voiced audio received. */
  get voicedMs(): number {
    return this.#listener.voicedMs;
  }

  hear(audio: Buffer): void {
    this.#listener.push(audio);
  }

  /** @throws RefusedEvent when there is too little to commit. */
  commit(): void {
    if (this.positionMs - this.#committedMs < shortestCommitMs) {
      throw new RefusedEvent(
        'input_audio_buffer_commit_empty',
        'Error committing input audio buffer: it is too small.',
      );
    }
    this.#listener.flush();
  }

  clear(): void {
    this.#listener.close();
    this.#itemId = undefined;
    this.#committedMs = this.positionMs;
  }

  close(): void {
    this.#listener.close();
  }

  #started(atMs: number): void {
    this.#host.log('speech-started');
    const detection = this.#session.turnDetection;
    if (!detection) return;
    this.#itemId = newId('item');
    const paddingMs = detection.type === 'server_vad' ? detection.prefix_padding_ms : semanticPaddingMs;
    const audio_start_ms = Math.max(0, Math.round(atMs - paddingMs));
    this.#host.send({ type: 'input_audio_buffer.speech_started', audio_start_ms, item_id: this.#itemId });
    if (detection.interrupt_response) this.#host.interrupt();
  }

  #ended(transcript: Transcript, isCommitted: boolean): void {
    if (!isCommitted && !this.#itemId) return;
    const id = this.#itemId ?? newId('item');
    this.#itemId = undefined;
    if (!isCommitted) {
      const audio_end_ms = Math.round(this.positionMs);
      this.#host.send({ type: 'input_audio_buffer.speech_stopped', audio_end_ms, item_id: id });
    }
    this.#committedMs = this.positionMs;
    const previous_item_id = this.#host.lastItemId();
    this.#host.send({ type: 'input_audio_buffer.committed', previous_item_id, item_id: id });
    const text = transcript.words.map(({ word }) => word).join(' ');
    this.#host.heard({ id, type: 'message', role: 'user', text, heard: true }, transcript, isCommitted);
  }
}
