import type { RawData, WebSocket } from 'ws';
import { decideReply } from './anthropic-rules.ts';
import type { SandboxLog } from './log.ts';
import {
  type ClientEvent,
  type ClientEventOf,
  RefusedEvent,
  type ResponseRequest,
  readEvent,
  type SessionChange,
} from './openai-conversation-events.ts';
import { type Item, Items, newId, toConversation, toWireItem } from './openai-conversation-items.ts';
import { Response } from './openai-conversation-response.ts';
import { SessionState } from './openai-conversation-session.ts';
import { Turns } from './openai-conversation-turns.ts';
import type { Failure, SandboxSettings, Vendor } from './settings.ts';
import type { SpeechLibrary } from './speech/library.ts';
import type { Transcript } from './speech/speech-listener.ts';

/** What one accepted connection works with. */
export interface ConversationContext {
  vendor: Vendor;
  connection: number;
  /** Query of the handshake; `model` was checked already. */
  query: URLSearchParams;
  /** The failure that was taken for this connection, unless it was refused or left hanging. */
  failure: Failure | undefined;
  library: SpeechLibrary;
  log: SandboxLog;
  settings: SandboxSettings;
}

/**
 * Serves a speech-to-speech conversation on an accepted socket (developers.openai.com/api/docs/guides/realtime-conversations):
 * it hears the known lines, answers by the rules of the other language models' stand-ins, and speaks four times as fast as it
 * plays. Whoever accepted the socket has logged `connection-opened`; `connection-closed` is logged here. Failure `close` ends
 * the connection once `afterMs` of audio has been received, or that long after a response began.
 */
export function serveConversation(socket: WebSocket, context: ConversationContext): void {
  new ConversationConnection(socket, context).open();
}

class ConversationConnection {
  readonly #socket: WebSocket;
  readonly #context: ConversationContext;
  readonly #turns: Turns;
  readonly #items = new Items();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #factor: number;
  readonly #session = new SessionState();
  #response: Response | undefined;
  #hasSpoken = false;

  constructor(socket: WebSocket, context: ConversationContext) {
    this.#socket = socket;
    this.#context = context;
    this.#factor = context.failure?.mode === 'slow' ? context.failure.factor : 1;
    this.#turns = new Turns(context.library, this.#session, {
      finalMs: () => context.settings.delays.sttFinalMs * this.#factor,
      lastItemId: () => this.#items.lastId,
      send: (event) => this.#send(event),
      log: (event, details) => this.#log(event, details),
      interrupt: () => this.#endResponse('turn_detected'),
      heard: (item, transcript, isCommitted) => this.#heard(item, transcript, isCommitted),
    });
  }

  open(): void {
    this.#socket.on('message', (data) => this.#guarded(() => this.#receive(data)));
    this.#socket.on('error', () => this.#socket.terminate());
    this.#socket.on('close', (code) => {
      this.#turns.close();
      this.#response?.stop();
      for (const timer of this.#timers) clearTimeout(timer);
      this.#log('connection-closed', { code, voicedMs: this.#turns.voicedMs });
    });
    this.#send({ type: 'session.created', session: this.#wireSession() });
  }

  #receive(data: RawData): void {
    const { type, eventId, event, fault } = readEvent(String(data));
    try {
      if (!event) {
        this.#log('unexpected-request', { type, path: fault.param });
        throw fault;
      }
      this.#handle(event);
    } catch (error) {
      if (!(error instanceof RefusedEvent)) throw error;
      const { code, message, param } = error;
      this.#log('event-refused', { type, code });
      this.#send({ type: 'error', error: { type: 'invalid_request_error', code, message, param, event_id: eventId } });
    }
  }

  #handle(event: ClientEvent): void {
    switch (event.type) {
      case 'session.update':
        this.#updateSession(event.session);
        break;
      case 'input_audio_buffer.append':
        this.#hear(Buffer.from(event.audio, 'base64'));
        break;
      case 'input_audio_buffer.commit':
        this.#turns.commit();
        break;
      case 'input_audio_buffer.clear':
        this.#turns.clear();
        this.#send({ type: 'input_audio_buffer.cleared' });
        break;
      case 'conversation.item.create':
        this.#addItem(this.#items.create(event));
        break;
      case 'conversation.item.delete':
        this.#items.delete(event.item_id);
        this.#send({ type: 'conversation.item.deleted', item_id: event.item_id });
        break;
      case 'conversation.item.truncate':
        this.#truncate(event);
        break;
      case 'response.create':
        this.#respond(event.response);
        break;
      case 'response.cancel':
        this.#cancel(event.response_id);
    }
  }

  #updateSession(change: SessionChange): void {
    this.#session.update(change, this.#hasSpoken);
    const turnDetection = this.#session.turnDetection?.type ?? null;
    this.#log('session-updated', { fields: Object.keys(change), turnDetection });
    this.#send({ type: 'session.updated', session: this.#wireSession() });
  }

  #hear(audio: Buffer): void {
    this.#turns.hear(audio);
    const { failure } = this.#context;
    if (failure?.mode === 'close' && this.#turns.positionMs >= failure.afterMs) this.#break();
  }

  /** Something said became an item; the server answers by itself what it found by itself. */
  #heard(item: Item, transcript: Transcript, isCommitted: boolean): void {
    this.#items.list.push(item);
    this.#addItem(item);
    if (this.#session.config.audio?.input?.transcription) this.#transcribe(item.id, transcript);
    if (!isCommitted && this.#session.turnDetection?.create_response) this.#respond({}, true);
  }

  /** The words come a little later than the item, each on its own. */
  #transcribe(item_id: string, { words, voicedMs, lastVoicedAtMs }: Transcript): void {
    this.#later(this.#context.settings.delays.transcriptionMs, () => {
      const prefix = 'conversation.item.input_audio_transcription';
      words.forEach(({ word }, index) => {
        const delta = index === 0 ? word : ` ${word}`;
        this.#log('interim-sent', { words: index + 1 });
        this.#send({ type: `${prefix}.delta`, item_id, content_index: 0, delta });
      });
      const transcript = words.map(({ word }) => word).join(' ');
      this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs });
      const usage = { type: 'duration', seconds: voicedMs / 1000 };
      this.#send({ type: `${prefix}.completed`, item_id, content_index: 0, transcript, usage });
    });
  }

  #truncate(event: ClientEventOf<'conversation.item.truncate'>): void {
    this.#items.truncate(event);
    const { item_id, audio_end_ms, content_index } = event;
    this.#log('item-truncated', { itemId: item_id, audioEndMs: audio_end_ms });
    this.#send({ type: 'conversation.item.truncated', item_id, audio_end_ms, content_index });
  }

  #respond(request: ResponseRequest, byTurn = false): void {
    if (this.#response) {
      if (byTurn) return;
      throw new RefusedEvent(
        'conversation_already_has_active_response',
        `Conversation already has an active response in progress: ${this.#response.id}.`,
      );
    }
    const { settings, failure } = this.#context;
    const [modality] = request.output_modalities ?? this.#session.config.output_modalities ?? ['audio'];
    const host = {
      items: this.#items,
      send: (event: { type: string }) => this.#send(event),
      log: (event: string, details?: Record<string, unknown>) => this.#log(event, details),
    };
    const response = new Response(host, {
      modality,
      metadata: request.metadata ?? null,
      firstTokenMs: settings.delays.llmFirstTokenMs,
      firstAudioMs: settings.delays.ttsFirstAudioMs,
      tokensPerSecond: settings.delays.llmTokensPerSecond,
      factor: this.#factor,
      decide: () => decideReply(toConversation(this.#items.list, this.#session.config, request)),
    });
    this.#response = response;
    this.#hasSpoken ||= modality === 'audio';
    if (failure?.mode === 'close') this.#later(failure.afterMs, () => this.#break());
    response
      .run()
      .catch((error: unknown) => this.#broken(error))
      .finally(() => {
        if (this.#response === response) this.#response = undefined;
      });
  }

  #cancel(responseId: string | undefined): void {
    const isActive = this.#response && (responseId === undefined || responseId === this.#response.id);
    if (!isActive)
      throw new RefusedEvent('response_cancel_not_active', 'Cancellation failed: no active response found');
    this.#endResponse('client_cancelled');
  }

  #endResponse(reason: 'turn_detected' | 'client_cancelled'): void {
    const response = this.#response;
    this.#response = undefined;
    response?.cancel(reason);
  }

  #addItem(item: Item): void {
    const event = { previous_item_id: this.#items.before(item.id), item: toWireItem(item) };
    this.#send({ type: 'conversation.item.added', ...event });
    this.#send({ type: 'conversation.item.done', ...event });
  }

  #wireSession(): object {
    const { query, connection } = this.#context;
    return { ...this.#session.config, object: 'realtime.session', id: `sess_${connection}`, model: query.get('model') };
  }

  #break(): void {
    this.#socket.close(1011, 'Internal error');
  }

  #later(ms: number, step: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#guarded(step);
    }, ms * this.#factor);
    this.#timers.add(timer);
  }

  #send(event: { type: string } & Record<string, unknown>): void {
    if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(JSON.stringify({ event_id: newId('event'), ...event }));
    }
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#broken(error);
    }
  }

  #broken(error: unknown): void {
    this.#log('stand-in-failed', { message: String(error) });
    this.#socket.close(1011, 'Internal error');
  }

  #log(event: string, details: Record<string, unknown> = {}): void {
    this.#context.log.add(this.#context.vendor, event, this.#context.connection, details);
  }
}
