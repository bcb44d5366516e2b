import { llm } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type {
  RealtimeErrorEvent,
  RealtimeServerEvent,
  RealtimeSessionCreateRequest,
} from 'openai/resources/realtime/realtime';
import { errorEvent } from './error-event.ts';
import { InputAudio, toBase64 } from './openai-audio.ts';
import { type SessionSettings, type SessionState, toToolChoice, toTools } from './openai-config.ts';
import { SyncedContext } from './openai-context.ts';
import { failureOf } from './openai-errors.ts';
import { type LinkOptions, SessionLink } from './openai-link.ts';
import { Replies } from './openai-replies.ts';
import { Reply } from './openai-reply.ts';
import { retelling } from './openai-retelling.ts';
import { UserTurns } from './openai-turns.ts';

/** What one session works with. */
export interface SessionOptions extends LinkOptions {
  provider: string;
  settings: SessionSettings;
  onClose(): void;
}

/** Refusals that say no more than that something was over already. */
const harmless = new Set(['response_cancel_not_active', 'item_delete_invalid_item_id']);

/**
 * A conversation that outlives its connections. What the model should know (instructions, tools, items, the audio that was not
 * understood yet, the reply that was not begun yet) is kept here, and told again to a new connection.
 */
export class OpenAIRealtimeSession extends llm.RealtimeSession {
  readonly #options: SessionOptions;
  readonly #state: SessionState = { instructions: '', tools: new llm.ToolContext([]), toolChoice: 'auto' };
  readonly #context: SyncedContext;
  readonly #turns: UserTurns;
  readonly #replies: Replies;
  readonly #input = new InputAudio();
  readonly #link: SessionLink;
  /** Something was said to its end that the server is to answer by itself. */
  #owesReply = false;
  #isClosed = false;

  constructor(model: llm.RealtimeModel, options: SessionOptions) {
    super(model);
    this.#options = options;
    this.#context = new SyncedContext(this.#contextHost());
    this.#turns = new UserTurns(this.#context.conversation, options.settings.turnDetection !== null, {
      speechStarted: () => this.#tell('input_speech_started', {} satisfies llm.InputSpeechStartedEvent),
      speechStopped: () =>
        this.#tell('input_speech_stopped', { userTranscriptionEnabled: true } satisfies llm.InputSpeechStoppedEvent),
      transcript: (event) => this.#tell('input_audio_transcription_completed', event),
    });
    this.#replies = new Replies(this.#replyHost());
    this.#link = new SessionLink(options, {
      opened: (isFirst) => this.#opened(isFirst),
      received: (event) => this.#receive(event),
      lost: () => {
        this.#replies.disconnected();
        this.#context.disconnected();
        this.#turns.disconnect();
      },
      failed: (error, recoverable) => {
        if (!recoverable) this.#replies.withdrawAll();
        this.#report(error, recoverable);
      },
      isExpecting: () => this.#owesReply || this.#replies.isExpecting,
    });
    this.#link.start();
  }

  override get chatCtx(): llm.ChatContext {
    return this.#context.conversation.toChatCtx();
  }

  override get tools(): llm.ToolContext {
    return this.#state.tools;
  }

  /** @throws RealtimeError when the server refuses them or doesn't answer. */
  override async updateInstructions(instructions: string): Promise<void> {
    this.#state.instructions = instructions;
    await this.#update({ type: 'realtime', instructions });
  }

  /** @throws RealtimeError when the server refuses one or doesn't answer. */
  override async updateTools(tools: llm.ToolContext): Promise<void> {
    // First, since a schema that can't be told must not be kept for the next connection.
    const wireTools = toTools(tools);
    this.#state.tools = tools;
    await this.#update({ type: 'realtime', tools: wireTools });
  }

  override updateOptions({ toolChoice }: { toolChoice?: llm.ToolChoice | null }): void {
    if (toolChoice === undefined) return;
    const wanted = toToolChoice(toolChoice ?? 'auto');
    if (JSON.stringify(wanted) === JSON.stringify(toToolChoice(this.#state.toolChoice))) return;
    this.#state.toolChoice = toolChoice ?? 'auto';
    this.#update({ type: 'realtime', tool_choice: wanted }).catch((error: unknown) => this.#report(error, true));
  }

  /**
   * Makes the model's conversation this one, by what differs. What the person said stays while only the server knows its words,
   * and so does the reply that is being spoken.
   * @throws RealtimeError when the server refuses an item or doesn't answer.
   */
  override async updateChatCtx(chatCtx: llm.ChatContext): Promise<void> {
    await this.#context.update(chatCtx);
  }

  /** @param frame One channel, any sample rate. */
  override pushAudio(frame: AudioFrame): void {
    for (const chunk of this.#input.chunks(frame)) {
      this.#turns.append(chunk);
      this.#link.send({ type: 'input_audio_buffer.append', audio: toBase64(chunk) });
    }
  }

  /**
   * Asks for a reply; an earlier one that is still on its way is waited for.
   * @throws RealtimeError when it is refused, interrupted, or doesn't begin in time.
   */
  override async generateReply(
    instructions?: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<llm.GenerationCreatedEvent> {
    if (this.#link.isOver) throw new llm.RealtimeError('the session is closed');
    const { connectTimeoutMs, idleTimeoutMs } = this.#options;
    return this.#replies.request(instructions, { signal, withinMs: connectTimeoutMs + 2 * idleTimeoutMs });
  }

  override async commitAudio(): Promise<void> {
    const commit = this.#turns.commit();
    if (commit) this.#link.send(commit);
  }

  override async clearAudio(): Promise<void> {
    this.#turns.clear();
    this.#link.send({ type: 'input_audio_buffer.clear' });
  }

  /** Ends the present reply at once; nothing of it comes any more. */
  override async interrupt(): Promise<void> {
    this.#owesReply = false;
    this.#replies.withdrawAll();
  }

  /** Makes the model forget what of its words was not heard. */
  override async truncate(options: Parameters<llm.RealtimeSession['truncate']>[0]): Promise<void> {
    await this.#context.truncate(options.messageId, options.audioEndMs, options.audioTranscript ?? '');
  }

  override async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#replies.withdrawAll();
      this.#isClosed = true;
      this.#context.disconnected();
      this.#options.onClose();
      await super.close();
    }
    await this.#link.stop();
  }

  /** Brings a new connection to where the conversation is. */
  #opened(isFirst: boolean): void {
    const { settings } = this.#options;
    const { conversation } = this.#context;
    const events = retelling({ settings, state: this.#state, conversation, turns: this.#turns });
    for (const event of events) this.#link.send(event);
    if (this.#turns.isSpeaking) this.#replies.dropUnbegun();
    else if (this.#owesReply) this.#replies.ask(new Reply());
    this.#owesReply = false;
    this.#replies.next();
    if (!isFirst) this.#tell('session_reconnected', {} satisfies llm.RealtimeSessionReconnectedEvent);
  }

  #receive(event: RealtimeServerEvent): void {
    switch (event.type) {
      case 'session.updated':
        this.#context.acknowledgements.tell(event.type);
        break;
      case 'input_audio_buffer.speech_started':
        this.#owesReply = false;
        this.#turns.started(event);
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#turns.stopped(event);
        break;
      case 'input_audio_buffer.committed':
        this.#owesReply = this.#turns.committed(event.item_id) || this.#owesReply;
        break;
      case 'conversation.item.input_audio_transcription.delta':
        this.#turns.heard(event);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#turns.transcribed(event);
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#turns.untranscribable(event.item_id);
        this.#report(failureOf(this.#options.endpoint.vendor, 'a transcript', event.error), true);
        break;
      case 'conversation.item.added':
        this.#context.added(event.item, event.previous_item_id);
        break;
      case 'conversation.item.deleted':
        this.#context.deleted(event.item_id);
        break;
      case 'error':
        this.#refused(event);
        break;
      default:
        if (event.type === 'response.created') this.#owesReply = false;
        this.#replies.receive(event);
    }
  }

  #refused({ error }: RealtimeErrorEvent): void {
    const failure = failureOf(this.#options.endpoint.vendor, 'an event', error);
    const eventId = error.event_id ?? '';
    if (error.code === 'conversation_already_has_active_response') this.#owesReply = false;
    if (error.code === 'session_expired') this.#link.fail(failure);
    else if (error.code === 'input_audio_buffer_commit_empty') this.#turns.refused();
    else if (this.#replies.refused(eventId, error.code, failure)) return;
    else if (this.#context.refused(eventId, new llm.RealtimeError(failure.message))) return;
    else if (!harmless.has(error.code ?? '')) this.#report(failure, true);
  }

  async #update(session: RealtimeSessionCreateRequest): Promise<void> {
    await this.#context.acknowledged({ type: 'session.update', session }, 'session.updated');
  }

  #contextHost(): ConstructorParameters<typeof SyncedContext>[0] {
    const session = this;
    return {
      get isConnected() {
        return session.#link.isOpen;
      },
      send: (event) => session.#link.send(event),
      isKept: (id) => session.#turns.isUntranscribed(id) || session.#replies.active?.itemIds.has(id) === true,
    };
  }

  #replyHost(): ConstructorParameters<typeof Replies>[0] {
    const session = this;
    const { endpoint, provider } = this.#options;
    return {
      vendor: endpoint.vendor,
      get instructions() {
        return session.#state.instructions;
      },
      get isConnected() {
        return session.#link.isOpen;
      },
      send(event) {
        session.#link.send(event);
        session.#link.watch();
      },
      idOf: (wireId) => session.#context.conversation.idOf(wireId),
      failed: (error) => session.#report(error, true),
      announce(reply) {
        const event = reply.announce();
        if (event) session.#tell('generation_created', event);
      },
      called: ({ id, args }) => session.#context.conversation.setArguments(id, args),
      ended(reply) {
        for (const [id, text] of reply.texts) {
          session.#context.spoken(id, reply.audioMsOf(id) ?? 0);
          session.#context.conversation.setText(id, text);
        }
      },
      billed(reply, response) {
        const labels = { label: session.realtimeModel.label(), provider, model: session.realtimeModel.model };
        session.#tell('metrics_collected', reply.toMetrics(response, labels));
      },
    };
  }

  #report(error: unknown, recoverable: boolean): void {
    if (this.listenerCount('error') > 0) this.#tell('error', errorEvent(this, error, recoverable));
  }

  /** What a listener throws must not reach the socket, where it would end the process. */
  #tell(name: string, event: object): void {
    if (this.#isClosed) return;
    try {
      this.emit(name, event);
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown error';
      this.logger.error({ event: name, reason }, 'a listener of the realtime session failed');
    }
  }
}
