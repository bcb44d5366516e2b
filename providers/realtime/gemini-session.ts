import type { FunctionCall, LiveServerContent, LiveServerMessage } from '@google/genai';
import { llm } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { isName } from '../llm/gemini-client.ts';
import { errorEvent } from './error-event.ts';
import { ToolCalls } from './gemini-calls.ts';
import { type LiveSettings, toLiveConfig, toTurns } from './gemini-config.ts';
import { type LineOptions, LiveLine } from './gemini-line.ts';
import { LiveReplies } from './gemini-replies.ts';
import { SilenceWatch } from './gemini-silence.ts';
import { toAudioBlob, UserSpeech } from './gemini-speech.ts';

/** What one session works with. */
export interface LiveSessionOptions extends LineOptions {
  settings: LiveSettings;
  /** Longest silence of the server while it owes a reply, or the rest of one. */
  idleTimeoutMs: number;
  onClose(): void;
}

/** Ends of a turn that are none of a reply that was wanted. */
const harmless = ['NEED_MORE_INPUT', 'TURN_COMPLETE_REASON_UNSPECIFIED'];

/**
 * A conversation that outlives its connections, which the vendor ends every ten minutes or so. What the model should know
 * (instructions, tools, the words so far, the audio that was not answered yet, the reply that was asked for) is kept here, and told
 * again to a new connection. Instructions and tools can be changed only that way: it happens as soon as no reply is being given.
 */
export class GeminiRealtimeSession extends llm.RealtimeSession {
  readonly #options: LiveSessionOptions;
  readonly #speech: UserSpeech;
  readonly #replies: LiveReplies;
  readonly #line: LiveLine;
  readonly #calls = new ToolCalls();
  readonly #silence: SilenceWatch;
  #instructions = '';
  #tools = new llm.ToolContext([]);
  #chatCtx = llm.ChatContext.empty();
  /** Somebody's words became final without an answer. */
  #isUnanswered = false;
  #isClosed = false;

  constructor(model: llm.RealtimeModel, options: LiveSessionOptions) {
    super(model);
    this.#options = options;
    this.#speech = new UserSpeech(this.#serverListens, {
      speechStarted: () => this.#tell('input_speech_started', {} satisfies llm.InputSpeechStartedEvent),
      speechStopped: () =>
        this.#tell('input_speech_stopped', { userTranscriptionEnabled: false } satisfies llm.InputSpeechStoppedEvent),
      transcript: (event) => this.#transcribed(event),
    });
    this.#line = new LiveLine(options, {
      config: () => toLiveConfig(options.settings, this.#instructions, this.#tools),
      opened: (isFirst) => this.#opened(isFirst),
      message: (message) => this.#receive(message),
      gone: () => this.#gone(),
      failed: (error, recoverable) => {
        if (!recoverable) this.#replies.withdraw('the session failed', { drop: true });
        this.#report(error, recoverable);
      },
    });
    this.#silence = new SilenceWatch(options.idleTimeoutMs, {
      isExpected: () => this.#line.anySession !== undefined && this.#replies.isExpected,
      isGenerating: () => this.#replies.isGenerating,
      fail: (error) => this.#line.fail(error),
      giveUp: (reason) => this.#giveUp(reason),
    });
    this.#replies = new LiveReplies(this.#line, options.connectTimeoutMs + 2 * options.idleTimeoutMs, {
      endsWithUser: () => {
        const last = this.#chatCtx.items.findLast((item) => item.type === 'message');
        return last?.role === 'user';
      },
      begins: (event) => {
        this.#isUnanswered = false;
        this.#silence.forget();
        this.#speech.answered();
        this.#tell('generation_created', event);
      },
      ends: () => this.#speech.finish(),
      said: ({ id, text }, interrupted) => {
        if (text) this.#chatCtx.addMessage({ id, role: 'assistant', content: text, interrupted });
      },
    });
  }

  override get chatCtx(): llm.ChatContext {
    return this.#chatCtx.copy();
  }

  override get tools(): llm.ToolContext {
    return this.#tools;
  }

  override async updateInstructions(instructions: string): Promise<void> {
    if (instructions === this.#instructions) return;
    this.#instructions = instructions;
    this.#renew();
  }

  override async updateTools(tools: llm.ToolContext): Promise<void> {
    if (this.#tools.equals(tools)) return;
    this.#tools = tools;
    this.#renew();
  }

  /** The API has no choice of tools. */
  override updateOptions(): void {}

  /**
   * Tells the model what is new in a conversation. What was taken out of it is forgotten with the next connection only: the API
   * can't take anything back.
   * @throws APIError when a message holds an image.
   */
  override async updateChatCtx(chatCtx: llm.ChatContext): Promise<void> {
    const added = chatCtx.items.filter(({ id }) => !this.#chatCtx.getById(id));
    const turns = toTurns(added.filter(({ type }) => type === 'message'));
    const outputs = added.filter((item) => item.type === 'function_call_output');
    this.#chatCtx = chatCtx.copy();
    if (turns.length) this.#line.session?.sendClientContent({ turns, turnComplete: false });
    if (outputs.length) this.#answerCalls(outputs);
  }

  override pushAudio(frame: AudioFrame): void {
    const chunks = this.#speech.append(frame);
    if (this.#serverListens) this.#sendAudio(chunks);
  }

  /**
   * Asks for a reply; one that was asked for before and has not begun is given up.
   * @throws RealtimeError when it doesn't begin in time, or is interrupted before.
   */
  override async generateReply(
    instructions?: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<llm.GenerationCreatedEvent> {
    if (this.#line.isOver) throw new llm.RealtimeError('the session is closed');
    const reply = this.#replies.request(instructions, signal);
    this.#silence.wait();
    return await reply;
  }

  /** Where the framework finds the turns: ends one, which the server then answers. */
  override async commitAudio(): Promise<void> {
    if (this.#serverListens) return;
    this.#speech.commit();
    this.#replies.owe();
    this.#sendTurn();
  }

  override async clearAudio(): Promise<void> {
    if (!this.#serverListens) this.#speech.forgetAudio();
  }

  /** Ends the present reply at once; nothing of it comes any more. */
  override async interrupt(): Promise<void> {
    this.#replies.interrupt();
  }

  /** The API knows no truncation: the server forgets by itself what nobody heard when it is interrupted. */
  override async truncate(): Promise<void> {}

  override async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#replies.withdraw('the session was closed', { drop: true });
      this.#replies.finish({ cut: true });
      this.#isClosed = true;
      this.#silence.stop();
      this.#speech.close();
      this.#options.onClose();
      await super.close();
    }
    await this.#line.stop();
  }

  get #serverListens(): boolean {
    return this.#options.settings.turnDetection !== null;
  }

  /** Brings a new connection to where the conversation is. */
  #opened(isFirst: boolean): void {
    if (this.#isUnanswered) this.#replies.owe();
    const isCommitted = this.#replies.isOwed && this.#speech.hasCommitted;
    const turns = toTurns(this.#chatCtx.items);
    const turnComplete = this.#replies.isOwed && !isCommitted && !this.#replies.hasInstructions;
    if (turns.length) this.#line.session?.sendClientContent({ turns, turnComplete });
    if (isCommitted) this.#sendTurn();
    if (this.#serverListens) this.#sendAudio(this.#speech.replay());
    this.#replies.send();
    this.#silence.wait();
    if (!isFirst) this.#tell('session_reconnected', {} satisfies llm.RealtimeSessionReconnectedEvent);
  }

  #gone(): void {
    this.#silence.stop();
    this.#calls.clear();
    this.#replies.disconnected();
  }

  /** A connection that is about to be replaced listens on: its replies can still be interrupted. */
  #sendAudio(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#line.anySession?.sendRealtimeInput({ audio: toAudioBlob(chunk) });
  }

  /** A turn whose end we know; until it is answered it is kept. */
  #sendTurn(): void {
    const { session } = this.#line;
    if (!session) return;
    session.sendRealtimeInput({ activityStart: {} });
    this.#sendAudio(this.#speech.replay());
    session.sendRealtimeInput({ activityEnd: {} });
    this.#silence.wait();
  }

  #answerCalls(outputs: readonly llm.FunctionCallOutput[]): void {
    const { functionResponses, notes, isOwed } = this.#calls.answer(outputs, this.#chatCtx.items);
    if (isOwed) this.#replies.owe();
    const turnComplete = isOwed && functionResponses.length === 0;
    if (notes.length) this.#line.session?.sendClientContent({ turns: notes, turnComplete });
    if (functionResponses.length) this.#line.session?.sendToolResponse({ functionResponses });
    this.#silence.wait();
  }

  #receive(message: LiveServerMessage): void {
    if (this.#isClosed) return;
    const { serverContent, toolCall, toolCallCancellation, usageMetadata, goAway } = message;
    if (serverContent) this.#hear(serverContent);
    if (toolCall?.functionCalls?.length) this.#call(toolCall.functionCalls);
    this.#calls.cancel(toolCallCancellation?.ids ?? []);
    if (usageMetadata && this.#replies.latest) {
      const labels = { label: this.realtimeModel.label(), model: this.realtimeModel.model };
      this.#tell('metrics_collected', this.#replies.latest.toMetrics(usageMetadata, labels));
    }
    if (goAway || this.#line.isStale) this.#renew();
    this.#silence.wait();
  }

  #hear(content: LiveServerContent): void {
    const { interimInputTranscription: guess, inputTranscription: words, outputTranscription, modelTurn } = content;
    // Words of who interrupts come after the interruption; others are of what is being answered.
    const isLate = this.#replies.isCurrent;
    if (!isLate && (guess?.text || words?.text)) this.#replies.due();
    if (guess?.text) this.#speech.guessed(guess.text, { isLate });
    if (words) this.#speech.heard(words.text ?? '', { isLate, isLast: words.finished ?? false });
    if (content.interrupted && !this.#replies.interrupted()) this.#speech.started();
    for (const { inlineData, text, thought } of modelTurn?.parts ?? []) {
      if (thought) continue;
      if (inlineData?.data) this.#replies.output()?.addAudio(inlineData.data);
      if (text) this.#replies.output()?.addText(text);
    }
    if (outputTranscription?.text) this.#replies.output()?.addText(outputTranscription.text);
    if (content.generationComplete) this.#replies.generated();
    if (content.turnComplete) this.#replies.complete();
    if (content.turnComplete && content.turnCompleteReason) this.#refused(content.turnCompleteReason);
  }

  #call(calls: readonly FunctionCall[]): void {
    const reply = this.#replies.output();
    if (!reply) return;
    const made = this.#calls.make(calls);
    for (const call of made) reply.addCall(call);
    this.#replies.finish({ cut: false });
    this.#chatCtx.items.push(...made);
  }

  #transcribed(event: llm.InputTranscriptionCompleted): void {
    if (event.isFinal) {
      this.#isUnanswered = !this.#replies.isCurrent;
      if (this.#isUnanswered && this.#serverListens) this.#speech.forgetAudio();
      this.#chatCtx.addMessage({ id: event.itemId, role: 'user', content: event.transcript });
    }
    this.#tell('input_audio_transcription_completed', event);
  }

  /** The model was kept from answering; the vendor names why. */
  #refused(reason: string): void {
    if (!harmless.includes(reason)) this.#giveUp(`Gemini declined to answer${isName(reason) ? ` (${reason})` : ''}`);
  }

  #giveUp(reason: string): void {
    const error = new llm.RealtimeError(reason);
    this.#isUnanswered = false;
    this.#silence.forget();
    this.#speech.answered();
    this.#replies.refuse(error);
    this.#report(error, true);
  }

  /** Replaces the connection, once no reply is being given on it. */
  #renew(): void {
    this.#line.renew({ now: !this.#replies.isGenerating });
  }

  #report(error: Error, recoverable: boolean): void {
    if (this.listenerCount('error') > 0) this.#tell('error', errorEvent(this, error, recoverable));
  }

  #tell(name: string, event: object): void {
    if (!this.#isClosed) this.emit(name, event);
  }
}
