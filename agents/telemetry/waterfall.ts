import { type llm, voice } from '@livekit/agents';
import type { Waterfall } from '../../domain/conversation.ts';
import type { CallSession } from '../call.ts';
import { ReplyTimes, type RequestTimes } from './reply-times.ts';
import { TurnUsage, usageOf } from './usage.ts';

const { AgentStateChanged, MetricsCollected } = voice.AgentSessionEventTypes;

/** Where the time of one answered turn went. */
export interface AnswerTimes {
  waterfall: Waterfall;
  /** What the waterfall counts from, epoch milliseconds. */
  startedAtMs: number;
  /** Models by port, where they are known. */
  models: { stt?: string; llm?: string; tts?: string };
}

/** How many replies were begun ahead of a turn, counted when the turn is sure. */
export interface Speculations {
  used: number;
  dropped: number;
}

/** A turn that is being answered. */
export interface TimedTurn {
  readonly startedAtMs: number;
  readonly transcriptMs: number | null;
  readonly endOfTurnMs: number | null;
  /** The recogniser. */
  readonly stt: { vendor: string; model: string } | undefined;
  readonly replies: readonly ReplyTimes[];
  firstFrameAtMs?: number;
}

/**
 * Measures the turns of a call, stage by stage. It is told by the session's events and by taps where a reply passes: replies
 * belong to the message of the person they were made for, and what a voice makes to the reply of the same settings object,
 * which the framework makes anew for each reply and hands to both.
 */
export class Stopwatch {
  readonly #session: CallSession;
  readonly #now: () => number;
  readonly #byMessage = new Map<string, ReplyTimes[]>();
  readonly #bySettings = new WeakMap<object, ReplyTimes>();
  /** Requests since the turn before, and the messages they were made for. */
  #requests: { messageId: string; times: RequestTimes }[] = [];
  #latest: TimedTurn | undefined;
  #latestId = '';
  #usage = new TurnUsage();
  /** Told how many replies were begun ahead of each spoken turn. */
  onSpeculations: (speculations: Speculations) => void = () => {};

  constructor(session: CallSession, now: () => number = Date.now) {
    this.#session = session;
    this.#now = now;
    session.on(MetricsCollected, ({ metrics }) => {
      // Lines that are recorded ahead are spoken outside of any reply, and are no part of a turn's cost.
      if (metrics.type === 'tts_metrics' && metrics.speechId === undefined) return;
      const usage = usageOf(metrics);
      if (usage) this.#usage.add(usage);
    });
    session.on(AgentStateChanged, ({ newState }) => {
      if (newState === 'speaking' && this.#latest) this.#latest.firstFrameAtMs ??= this.#now();
    });
  }

  /** A model is about to be asked for a reply. */
  replyBegun(settings: object, chatCtx: llm.ChatContext): ReplyTimes {
    const times = new ReplyTimes(this.#now);
    this.#bySettings.set(settings, times);
    const messageId = personsMessage(chatCtx);
    if (messageId !== undefined) this.#repliesTo(messageId).push(times);
    return times;
  }

  /** The reply that is about to be spoken; undefined for words that are no reply. */
  replyOf(settings: object): ReplyTimes | undefined {
    return this.#bySettings.get(settings);
  }

  /** A request was made for the reply begun last, or one that was made before is taken up for it. */
  requestMade(chatCtx: llm.ChatContext, times: RequestTimes): void {
    const messageId = personsMessage(chatCtx);
    if (messageId === undefined) return;
    const reply = this.#repliesTo(messageId).at(-1);
    if (reply) reply.request ??= times;
    if (messageId !== this.#latestId) this.#requests.push({ messageId, times });
  }

  /** A turn of the person's is sure. @param typedAtMs when it arrived, if it was typed */
  begin(item: llm.ChatMessage, typedAtMs?: number): TimedTurn {
    const { stoppedSpeakingAt, transcriptionDelay, endOfTurnDelay } = item.metrics;
    const spokenAtMs = stoppedSpeakingAt === undefined ? this.#now() : stoppedSpeakingAt * 1_000;
    const isTyped = typedAtMs !== undefined;
    const turn: TimedTurn = {
      startedAtMs: typedAtMs ?? spokenAtMs,
      transcriptMs: isTyped ? null : milliseconds(transcriptionDelay),
      endOfTurnMs: isTyped ? null : milliseconds(endOfTurnDelay),
      stt: isTyped ? undefined : this.#made('stt'),
      replies: this.#repliesTo(item.id),
    };
    const sureAtMs = turn.startedAtMs + (turn.endOfTurnMs ?? 0);
    this.#countSpeculations(item.id, isTyped ? Number.NEGATIVE_INFINITY : sureAtMs);
    for (const id of this.#byMessage.keys()) if (id !== item.id) this.#byMessage.delete(id);
    this.#latest = turn;
    this.#latestId = item.id;
    return turn;
  }

  /** Something was said by the agent: what was used until now is for that. @returns the waterfall if it was an answer */
  end(turn: TimedTurn | undefined, item: llm.ChatMessage): AnswerTimes | undefined {
    const usage = this.#usage;
    this.#usage = new TurnUsage();
    if (!turn) return undefined;
    const { startedAtMs, transcriptMs, endOfTurnMs, stt, replies } = turn;
    const reply = replies.find(({ firstTextAtMs }) => firstTextAtMs !== undefined) ?? replies[0];
    const since = (atMs: number | undefined) => (atMs === undefined ? null : Math.round(atMs - startedAtMs));
    const heardAt = item.metrics.startedSpeakingAt;
    // What a reply that was cut off took is measured only after it.
    const model = usage.vendors.llm ?? usage.vendors.realtime ?? (reply && this.#made('llm'));
    const voiced = usage.vendors.tts ?? (reply?.firstAudioAtMs === undefined ? undefined : this.#made('tts'));
    return {
      waterfall: {
        transcriptMs,
        endOfTurnMs,
        requestMs: since(reply?.askedAtMs),
        firstTokenMs: since(reply?.firstTextAtMs),
        firstSentenceMs: since(reply?.firstSentenceAtMs),
        firstAudioMs: since(reply?.firstAudioAtMs),
        firstFrameMs: since(heardAt === undefined ? turn.firstFrameAtMs : heardAt * 1_000),
        vendors: {
          stt: stt?.vendor ?? null,
          llm: model?.vendor ?? null,
          tts: voiced?.vendor ?? null,
        },
        tokens: usage.tokens,
        costDollars: usage.costDollars,
      },
      startedAtMs,
      models: { stt: stt?.model, llm: model?.model, tts: voiced?.model },
    };
  }

  /** What was used until now is for no answer. */
  skip(): void {
    this.#usage = new TurnUsage();
  }

  #repliesTo(messageId: string): ReplyTimes[] {
    let replies = this.#byMessage.get(messageId);
    if (!replies) {
      replies = [];
      this.#byMessage.set(messageId, replies);
    }
    return replies;
  }

  /** Those that were asked before the turn was sure: taken up for it, or made for words that turned out otherwise. */
  #countSpeculations(messageId: string, sureAtMs: number): void {
    const usedFor = new Map<RequestTimes, boolean>();
    for (const { messageId: id, times } of this.#requests) {
      if (id !== messageId || times.askedAtMs < sureAtMs) usedFor.set(times, usedFor.get(times) || id === messageId);
    }
    this.#requests = [];
    if (!usedFor.size) return;
    const used = [...usedFor.values()].filter(Boolean).length;
    this.onSpeculations({ used, dropped: usedFor.size - used });
  }

  /** Who works for the agent of the moment. */
  #made(port: 'stt' | 'llm' | 'tts'): TimedTurn['stt'] {
    const adapter = this.#session.currentAgent[port] ?? this.#session[port];
    return adapter ? { vendor: adapter.provider, model: adapter.model } : undefined;
  }
}

/** What the person said last: what a reply is for. */
function personsMessage({ items }: llm.ChatContext): string | undefined {
  return items.findLast((item) => item.type === 'message' && item.role === 'user')?.id;
}

/** The framework's message metrics are in seconds. */
function milliseconds(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 1_000);
}
