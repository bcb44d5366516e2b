import type { llm, metrics } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { voicedMs } from '../../sandbox/voice.ts';
import { sampleRateHz, silence } from './stt-caller.ts';

const frameSamples = sampleRateHz / 50;

/** One reply as somebody heard it. */
export interface HeardReply {
  userInitiated: boolean;
  responseId: string | undefined;
  messageIds: string[];
  text: string;
  /** How long its audio plays, and how much of it is voiced. */
  audioMs: number;
  voicedMs: number;
  calls: llm.FunctionCall[];
  /** Whether all of its streams have ended, and when, in epoch milliseconds. */
  isOver: boolean;
  overAtMs: number;
}

/** Somebody who speaks and types into a session, and remembers whatever it tells. */
export class RealtimeCaller {
  readonly replies: HeardReply[] = [];
  readonly interims: llm.InputTranscriptionCompleted[] = [];
  readonly finals: llm.InputTranscriptionCompleted[] = [];
  readonly errors: llm.RealtimeModelError[] = [];
  readonly metrics: metrics.RealtimeModelMetrics[] = [];
  /** `started` and `stopped`, in order. */
  readonly speech: string[] = [];
  reconnections = 0;
  readonly session: llm.RealtimeSession;

  constructor(model: llm.RealtimeModel) {
    const session = model.session();
    this.session = session;
    session.on('generation_created', (event: llm.GenerationCreatedEvent) => this.#hear(event));
    session.on('input_speech_started', () => this.speech.push('started'));
    session.on('input_speech_stopped', () => this.speech.push('stopped'));
    session.on('input_audio_transcription_completed', (event: llm.InputTranscriptionCompleted) =>
      (event.isFinal ? this.finals : this.interims).push(event),
    );
    session.on('error', (event: llm.RealtimeModelError) => this.errors.push(event));
    session.on('metrics_collected', (event: metrics.RealtimeModelMetrics) => this.metrics.push(event));
    session.on('session_reconnected', () => {
      this.reconnections += 1;
    });
  }

  /** Pushes samples as frames of 20 ms. */
  push(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += frameSamples) {
      const piece = samples.slice(at, at + frameSamples);
      this.session.pushAudio(new AudioFrame(piece, sampleRateHz, 1, piece.length));
    }
  }

  /** A line, or the rest of it, and the silence that ends a turn. */
  say(samples: Int16Array): void {
    this.push(samples);
    this.push(silence(1_000));
  }

  /** Adds items to the conversation. */
  async add(...items: llm.ChatItem[]): Promise<void> {
    const chatCtx = this.session.chatCtx.copy();
    chatCtx.items.push(...items);
    await this.session.updateChatCtx(chatCtx);
  }

  /** Final transcripts so far. */
  get transcripts(): string[] {
    return this.finals.map(({ transcript }) => transcript);
  }

  /** Texts of the replies that are over. */
  get texts(): string[] {
    return this.replies.filter(({ isOver }) => isOver).map(({ text }) => text);
  }

  #hear(event: llm.GenerationCreatedEvent): void {
    const reply: HeardReply = {
      userInitiated: event.userInitiated,
      responseId: event.responseId,
      messageIds: [],
      text: '',
      audioMs: 0,
      voicedMs: 0,
      calls: [],
      isOver: false,
      overAtMs: 0,
    };
    this.replies.push(reply);
    const calls = (async () => {
      for await (const call of event.functionStream) reply.calls.push(call);
    })();
    const messages = (async () => {
      for await (const message of event.messageStream) {
        reply.messageIds.push(message.messageId);
        await Promise.all([hearText(message, reply), hearAudio(message, reply)]);
      }
    })();
    void Promise.all([calls, messages]).then(() => {
      reply.isOver = true;
      reply.overAtMs = performance.timeOrigin + performance.now();
    });
  }
}

async function hearText({ textStream }: llm.MessageGeneration, reply: HeardReply): Promise<void> {
  for await (const piece of textStream) reply.text += typeof piece === 'string' ? piece : piece.text;
}

async function hearAudio({ audioStream }: llm.MessageGeneration, reply: HeardReply): Promise<void> {
  for await (const frame of audioStream) {
    reply.audioMs += (frame.samplesPerChannel * 1000) / frame.sampleRate;
    reply.voicedMs += voicedMs(frame.data, frame.sampleRate);
  }
}
