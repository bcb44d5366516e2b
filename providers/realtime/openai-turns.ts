import type { llm } from '@livekit/agents';
import type {
  ConversationItemInputAudioTranscriptionCompletedEvent,
  ConversationItemInputAudioTranscriptionDeltaEvent,
  InputAudioBufferSpeechStartedEvent,
  InputAudioBufferSpeechStoppedEvent,
  RealtimeClientEvent,
} from 'openai/resources/realtime/realtime';
import { bytesPerMs, SpokenAudio, toBase64 } from './openai-audio.ts';
import type { Conversation } from './openai-items.ts';

/** What is told of the person. */
export interface TurnListener {
  speechStarted(): void;
  speechStopped(): void;
  transcript(event: llm.InputTranscriptionCompleted): void;
}

/** Something said to its end, of which no final transcript came yet. */
interface Turn {
  id: string | undefined;
  /** Where it is in the audio of the session. */
  start: number;
  end: number;
  startedAtMs: number;
  text: string;
}

/** A replay of more than this would be answered too late to be of use. */
const longestReplayMs = 60_000;
/** A server that has had audio for this long has found any beginning of speech in it. */
const lookBackMs = 2_000;
const marksEveryMs = 250;
/** The API refuses to take less for something said. */
const shortestTurnMs = 100;

/** The person's side: their audio, kept until its words are known, and what the server makes of it. */
export class UserTurns {
  readonly #listener: TurnListener;
  readonly #conversation: Conversation;
  readonly #audio = new SpokenAudio(longestReplayMs);
  readonly #serverListens: boolean;
  #connectionStart = 0;
  #retoldBytes = 0;
  #isConnected = false;
  /** How much had been sent at some times. */
  #marks: { atMs: number; end: number }[] = [];
  #uncommittedFrom = 0;
  #open: { start: number; startedAtMs: number } | undefined;
  #closed: Turn[] = [];
  /** Turns whose commit was sent by us, in order. */
  #commits: Turn[] = [];

  /** @param serverListens Whether the server finds the turns; otherwise `commit` says where they end. */
  constructor(conversation: Conversation, serverListens: boolean, listener: TurnListener) {
    this.#conversation = conversation;
    this.#serverListens = serverListens;
    this.#listener = listener;
  }

  get isSpeaking(): boolean {
    return this.#open !== undefined;
  }

  /** Items whose words aren't known yet: nobody but the server has them. */
  isUntranscribed(id: string): boolean {
    return this.#closed.some((turn) => turn.id === id);
  }

  append(chunk: Uint8Array): void {
    this.#audio.append(chunk);
    if (this.#isConnected) this.#mark();
    this.#forget();
  }

  /** Ends a turn by our own word; undefined when there is too little for one. */
  commit(): RealtimeClientEvent | undefined {
    const start = Math.max(this.#uncommittedFrom, this.#audio.start);
    const lengthMs = (this.#audio.end - start) / bytesPerMs;
    if (lengthMs < shortestTurnMs) return undefined;
    const turn = { id: undefined, start, end: this.#audio.end, startedAtMs: Date.now() - lengthMs, text: '' };
    this.#close(turn);
    this.#commits.push(turn);
    return { type: 'input_audio_buffer.commit' };
  }

  /** Forgets what was said since the last turn. */
  clear(): void {
    this.#uncommittedFrom = this.#audio.end;
    if (this.#closed.length === 0) this.#audio.forgetUntil(this.#audio.end);
    this.#stopSpeaking();
  }

  /** The server gets no audio any more, so nothing of it is judged. */
  disconnect(): void {
    this.#isConnected = false;
    this.#marks = [];
  }

  /** A new connection begins. */
  connect(): void {
    this.#isConnected = true;
    this.#retoldBytes = 0;
    this.#commits = [];
    for (const turn of this.#closed) turn.text = '';
  }

  /** Whether turns have to be told again: the server must not look for turns itself meanwhile. */
  get hasClosed(): boolean {
    return this.#closed.length > 0;
  }

  /** What tells a turn again, for an item or, without an id, for those that never became one. */
  *retell(id?: string): Generator<RealtimeClientEvent> {
    for (const turn of this.#closed) {
      const isMeant = id === undefined ? !turn.id || !this.#conversation.get(turn.id) : turn.id === id;
      if (!isMeant) continue;
      const chunks = this.#audio.between(turn.start, turn.end);
      for (const { length } of chunks) this.#retoldBytes += length;
      yield* appends(chunks);
      this.#commits.push(turn);
      yield { type: 'input_audio_buffer.commit' };
    }
  }

  /** The audio after the last turn. The server's clock counts what a connection was given, turns that were told again included. */
  *rest(): Generator<RealtimeClientEvent> {
    const from = Math.max(this.#uncommittedFrom, this.#audio.start);
    this.#connectionStart = from - this.#retoldBytes;
    yield* appends(this.#audio.between(from, this.#audio.end));
  }

  started(event: InputAudioBufferSpeechStartedEvent): void {
    // On a new connection the same speech is found once more.
    if (this.#open) return;
    const start = Math.max(this.#positionOf(event.audio_start_ms), this.#uncommittedFrom);
    this.#open = { start, startedAtMs: Date.now() - Math.max(0, this.#audio.end - start) / bytesPerMs };
    this.#forget();
    this.#listener.speechStarted();
  }

  stopped(event: InputAudioBufferSpeechStoppedEvent): void {
    const end = this.#positionOf(event.audio_end_ms);
    const { start, startedAtMs } = this.#open ?? { start: this.#uncommittedFrom, startedAtMs: Date.now() };
    this.#close({ id: this.#conversation.idOf(event.item_id), start, end, startedAtMs, text: '' });
    this.#stopSpeaking();
  }

  /** A turn became an item. Whether it was found by the server. */
  committed(wireId: string): boolean {
    const turn = this.#commits.shift();
    if (turn?.id) this.#conversation.alias(turn.id, wireId);
    else if (turn) turn.id = wireId;
    return turn === undefined;
  }

  /** A commit was refused. */
  refused(): void {
    const turn = this.#commits.shift();
    this.#closed = this.#closed.filter((each) => each !== turn);
  }

  heard(event: ConversationItemInputAudioTranscriptionDeltaEvent): void {
    const id = this.#conversation.idOf(event.item_id);
    const turn = this.#closed.find((each) => each.id === id);
    if (!turn || !event.delta) return;
    turn.text += event.delta;
    const { text: transcript, startedAtMs: turnStartedAt } = turn;
    this.#listener.transcript({ itemId: id, transcript, isFinal: false, turnStartedAt });
  }

  transcribed({ item_id, transcript }: ConversationItemInputAudioTranscriptionCompletedEvent): void {
    const id = this.#conversation.idOf(item_id);
    const turnStartedAt = this.#forgetTurn(id)?.startedAtMs;
    this.#conversation.setText(id, transcript);
    if (transcript.trim()) this.#listener.transcript({ itemId: id, transcript, isFinal: true, turnStartedAt });
  }

  /** The words of a turn will never be known. */
  untranscribable(wireId: string): void {
    this.#forgetTurn(this.#conversation.idOf(wireId));
  }

  #close(turn: Turn): void {
    this.#closed.push(turn);
    this.#uncommittedFrom = turn.end;
  }

  #stopSpeaking(): void {
    if (!this.#open) return;
    this.#open = undefined;
    this.#listener.speechStopped();
  }

  #forgetTurn(id: string): Turn | undefined {
    const turn = this.#closed.find((each) => each.id === id);
    this.#closed = this.#closed.filter((each) => each !== turn);
    this.#forget();
    return turn;
  }

  #forget(): void {
    if (this.#closed.length > 0) return;
    // What lies before has words already, and would be heard twice.
    this.#audio.forgetUntil(this.#uncommittedFrom);
    if (this.#open) this.#audio.forgetUntil(this.#open.start);
    else if (this.#serverListens) this.#audio.forgetUntil(this.#judgedUntil());
  }

  #mark(): void {
    const atMs = performance.now();
    if (atMs - (this.#marks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) > marksEveryMs)
      this.#marks.push({ atMs, end: this.#audio.end });
  }

  /** Where the audio ends in which the server found no speech. */
  #judgedUntil(): number {
    const latest = this.#marks.findLastIndex(({ atMs }) => performance.now() - atMs > lookBackMs);
    this.#marks = this.#marks.slice(Math.max(0, latest));
    return latest < 0 ? 0 : (this.#marks[0]?.end ?? 0);
  }

  #positionOf(ms: number): number {
    return this.#connectionStart + ms * bytesPerMs;
  }
}

function* appends(chunks: readonly Uint8Array[]): Generator<RealtimeClientEvent> {
  for (const chunk of chunks) yield { type: 'input_audio_buffer.append', audio: toBase64(chunk) };
}
