import { ReadableStream, TransformStream } from 'node:stream/web';
import { FlushSentinel, llm, voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { type Call, languageOf } from '../call.ts';
import type { ReplyTimes } from '../telemetry/reply-times.ts';
import { boundedHistory } from './bounded-history.ts';
import { phrases } from './phrases.ts';
import { speakLine } from './repeated-lines.ts';
import { withWholeTurn } from './thinking-pauses.ts';

type Reply = ReadableStream<llm.ChatChunk | string | FlushSentinel>;

/** What an agent is told of the conversation so far, and what it has of its own where it has anything. */
export interface AgentOptions
  extends Pick<voice.AgentOptions<Call>, 'chatCtx' | 'llm' | 'stt' | 'tts' | 'vad' | 'turnDetection'> {
  /** It goes on with a conversation of its own: it doesn't open it again. */
  resumed?: boolean;
  /** What it has besides its own tools. */
  outsideTools?: OutsideTools;
}

/** What makes an agent of the roster. */
interface SpokenAgentOptions extends voice.AgentOptions<Call>, Pick<AgentOptions, 'resumed' | 'outsideTools'> {
  instructions: string;
}

/** Tools that come and go while an agent is in a call. */
export interface OutsideTools {
  /** What an agent is told of them, after its own instructions; the same for every caller. */
  instructions: string;
  /** Makes the set of them for one agent, without any that is called like a tool of its own. */
  toolset(ownNames: ReadonlySet<string>): llm.Toolset;
}

/** A model that gave no answer is waited for less, for so long; then it may be slow and no more. */
const awayForMs = 60_000;
/** One that is back begins to answer in this time, and a filler is not begun before (`FILLER_AFTER_MS`). */
const awayPatienceMs = 1_500;

/** Begins what is spoken and belongs neither to the transcript nor to the history: U+2063, which no voice says. */
export const asideMark = '\u2063';

/**
 * An agent that doesn't leave a caller in silence: when its model takes long for the first words of a reply, it says so. Every
 * agent of the roster is one.
 */
export class SpokenAgent extends voice.Agent<Call> {
  /** Whether it goes on with a conversation of its own. */
  protected readonly resumed: boolean;
  /** Until when its model is taken to be away, epoch milliseconds. */
  #awayUntilMs = 0;

  constructor({ resumed = false, outsideTools, ...options }: SpokenAgentOptions) {
    super(outsideTools ? withOutsideTools(options, outsideTools) : options);
    this.resumed = resumed;
  }

  /**
   * Says a line of its own accord. A speech-to-speech model is asked to, so that it knows what was said and one voice speaks
   * throughout.
   */
  open(line: string): voice.SpeechHandle {
    if (!(this.llm instanceof llm.RealtimeModel)) return this.session.say(line);
    return this.session.generateReply({ instructions: `Say: "${line}"` });
  }

  /**
   * No model gives an answer to what was said last: an agent that knows what to say by itself begins to. For a while it doesn't
   * wait for the model as long as before.
   * @returns whether it does; the person gets an apology otherwise
   */
  goOnWithoutModel(): boolean {
    const goesOn = this.answerWithoutModel();
    if (goesOn && Date.now() > this.#awayUntilMs) this.#awayUntilMs = Date.now() + awayForMs;
    return goesOn;
  }

  /** How long an answer of the model is worth waiting for, in milliseconds from the end of a turn. */
  get patienceMs(): number {
    return Date.now() < this.#awayUntilMs ? awayPatienceMs : Number.POSITIVE_INFINITY;
  }

  /** Answers what was said last without a model, here or later. @returns whether it knows how to */
  protected answerWithoutModel(): boolean {
    return false;
  }

  /** A button that was pressed and let go without a word is no turn: a model would be asked to reply to nothing. */
  override async onUserTurnCompleted(_: llm.ChatContext, said: llm.ChatMessage): Promise<void> {
    // One that listens by itself gives no words here.
    if (this.llm instanceof llm.RealtimeModel) return;
    if (!said.rawTextContent?.trim()) throw new voice.StopResponse();
  }

  override async llmNode(...request: Parameters<voice.Agent<Call>['llmNode']>): Promise<Reply | null> {
    const [chatCtx, tools, settings] = request;
    const call = this.session.userData;
    const asked = boundedHistory(withWholeTurn(chatCtx, call.pauses?.pieces ?? 0));
    const times = call.stopwatch?.replyBegun(settings, asked);
    const made = await voice.Agent.default.llmNode(this, asked, tools, settings);
    const reply = made && this.#watched(made, times);
    if (!reply || !call.watch || !this.session.output.audio) return reply;
    const watch = call.watch;
    return withFiller(reply, {
      due: (signal) => watch.fillerDue(signal),
      filler: () => {
        call.recovered({ kind: 'filler' });
        return phrases.filler[languageOf(call)];
      },
    });
  }

  /** The same reply, told to what measures it. Its first words say that the model is there. */
  #watched(reply: Reply, times: ReplyTimes | undefined): Reply {
    return watched(
      reply,
      (value) => {
        if (isUseful(value)) this.#awayUntilMs = 0;
        if (typeof value === 'string') times?.text(value);
        else if (typeof value === 'object') times?.text(value.delta?.content ?? '');
      },
      () => times?.textEnded(),
    );
  }

  /** Lines that are recorded are played; others of them are recorded as they are spoken. */
  override async ttsNode(
    ...[text, settings]: Parameters<voice.Agent<Call>['ttsNode']>
  ): Promise<ReadableStream<AudioFrame> | null> {
    const { lines, stopwatch, watch } = this.session.userData;
    const times = stopwatch?.replyOf(settings);
    let isAside = false;
    const speak = (words: ReadableStream<string>) => voice.Agent.default.ttsNode(this, words, settings);
    const words = withoutMark(asStream(text), () => {
      isAside = true;
    });
    const audio = await (lines ? speakLine(words, lines, speak) : speak(words));
    if (!audio) return audio;
    return watched(audio, () => {
      if (isAside) return;
      times?.audio();
      watch?.replyBegun();
    });
  }

  /** What leads here becomes the transcript and the history: asides don't. */
  override async transcriptionNode(
    ...[text, settings]: Parameters<voice.Agent<Call>['transcriptionNode']>
  ): ReturnType<voice.Agent<Call>['transcriptionNode']> {
    const { shown } = this.session.userData;
    shown.begin();
    const said = withoutAsides(text, (words) => shown.extend(words));
    return voice.Agent.default.transcriptionNode(this, said, settings);
  }
}

function withOutsideTools(
  { instructions, tools = [], ...options }: SpokenAgentOptions,
  outside: OutsideTools,
): voice.AgentOptions<Call> {
  const own = llm.toToolContext(tools);
  return {
    ...options,
    instructions: `${instructions}\n${outside.instructions}`,
    tools: [...own.tools, outside.toolset(new Set(Object.keys(own.functionTools)))],
  };
}

interface FillerOptions {
  /** Resolves with true when a filler is due; given up when the signal is aborted. */
  due(signal: AbortSignal): Promise<boolean>;
  filler(): string;
}

/** Puts a filler, as a segment of its own, before a reply whose first words are late. */
export function withFiller(reply: Reply, { due, filler }: FillerOptions): Reply {
  const reader = reply.getReader();
  const settled = new AbortController();
  let hasWords = false;
  let pending: ReturnType<typeof reader.read> | undefined;
  // Asked once: a second question would find the filler taken by the first, which nobody listens to any more.
  let isDue: Promise<boolean> | undefined;
  return new ReadableStream({
    async pull(controller) {
      pending ??= reader.read();
      if (!settled.signal.aborted) {
        isDue ??= due(settled.signal);
        const first = await Promise.race([pending, isDue]);
        if (first === true) {
          settled.abort();
          controller.enqueue(asideMark + filler());
          controller.enqueue(FlushSentinel);
          return;
        }
      }
      const { done, value } = await pending;
      pending = undefined;
      if (done) {
        settled.abort();
        controller.close();
        return;
      }
      if (isUseful(value) && !hasWords) {
        hasWords = true;
        settled.abort();
      }
      controller.enqueue(value);
    },
    async cancel(reason) {
      settled.abort();
      await reader.cancel(reason);
    },
  });
}

function isUseful(value: llm.ChatChunk | string | FlushSentinel): boolean {
  if (typeof value === 'string') return value !== '';
  return typeof value === 'object' && Boolean(value.delta?.content || value.delta?.toolCalls?.length);
}

type Text = Parameters<voice.Agent<Call>['transcriptionNode']>[0];

function withoutAsides(text: Text, onText: (words: string) => void): ReadableStream<string | voice.TimedString> {
  const reader = asStream(text).getReader();
  let isAside: boolean | undefined;
  return new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        const words = typeof value === 'string' ? value : value.text;
        isAside ??= words.startsWith(asideMark);
        if (isAside) continue;
        onText(words);
        return controller.enqueue(value);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function asStream<T>(source: ReadableStream<T> | AsyncIterable<T>): ReadableStream<T> {
  return source instanceof ReadableStream ? source : ReadableStream.from(source);
}

function withoutMark(text: ReadableStream<string>, onMark: () => void): ReadableStream<string> {
  return text.pipeThrough(
    new TransformStream<string, string>({
      transform(chunk, controller) {
        if (chunk.includes(asideMark)) onMark();
        controller.enqueue(chunk.replaceAll(asideMark, ''));
      },
    }),
  );
}

function watched<T>(stream: ReadableStream<T>, onEach: (value: T) => void, onEnd?: () => void): ReadableStream<T> {
  return stream.pipeThrough(
    new TransformStream<T, T>({
      transform(value, controller) {
        onEach(value);
        controller.enqueue(value);
      },
      flush: onEnd,
    }),
  );
}
