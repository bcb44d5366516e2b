import { type llm, type metrics, voice } from '@livekit/agents';
import { newId } from '../../core/ids.ts';
import type { NewTurn, TurnReport } from '../../domain/conversation.ts';
import type { CallSession } from '../call.ts';
import { type AnswerTimes, Stopwatch, type TimedTurn } from '../telemetry/waterfall.ts';
import { joinTranscripts, type Transcript } from './transcripts.ts';

/** Where the record of a call goes. */
export interface RecordSinks {
  /** Keeps a turn. */
  append(turn: NewTurn): void;
  /** Tells the client and the metrics where the time of an answered turn went. */
  report(report: TurnReport, times: AnswerTimes): void;
}

interface OpenTurn {
  id: string;
  typed: boolean;
  metrics: llm.MetricsReport;
  timed: TimedTurn;
}

/** Follows a session's events, keeps every turn with what normalization did to it, and reports how long each took. */
export class TurnRecord {
  /** Measures the turns; replies are to be shown to it. */
  readonly stopwatch: Stopwatch;
  readonly #session: CallSession;
  readonly #sinks: RecordSinks;
  #heard: Transcript[] = [];
  #typed: { message: Transcript; atMs: number }[] = [];
  #open: OpenTurn | undefined;
  /** A turn whose answer was cut off by the turn that is open: the end of the one is told after the beginning of the other. */
  #overtaken: OpenTurn | undefined;
  #ttftMs: number | null = null;
  #audioMs = 0;

  constructor(session: CallSession, sinks: RecordSinks) {
    this.#session = session;
    this.#sinks = sinks;
    this.stopwatch = new Stopwatch(session);
    session.on(voice.AgentSessionEventTypes.MetricsCollected, ({ metrics }) => this.#measure(metrics));
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type !== 'message') return;
      if (item.role === 'user') this.#userSaid(item);
      if (item.role === 'assistant') this.#agentSaid(item);
    });
  }

  /** A final transcript: a part of the spoken turn that is being heard. */
  heard(transcript: Transcript): void {
    this.#heard.push(transcript);
  }

  /** A typed message, which is a turn by itself. @param atMs when it arrived, epoch milliseconds */
  typed(message: Transcript, atMs = Date.now()): void {
    this.#typed.push({ message, atMs });
  }

  /** A turn that no agent answers, and of which the session therefore tells nothing. */
  unanswered({ raw, text, edits }: Transcript): void {
    this.#heard = [];
    this.#open = undefined;
    this.stopwatch.skip();
    this.#sinks.append({
      id: newId(),
      speaker: 'user',
      text,
      raw: raw === text ? null : raw,
      edits,
      saidAt: new Date().toISOString(),
    });
  }

  #userSaid(item: llm.ChatMessage): void {
    const text = item.rawTextContent ?? '';
    const typedAt = this.#typed.findIndex(({ message }) => message.text === text);
    const [typed] = typedAt >= 0 ? this.#typed.splice(typedAt, 1) : [];
    const source = typed ? [typed.message] : this.#heard.splice(0);
    const joined = joinTranscripts(source);
    // A turn the framework cut differently than it was heard keeps its text; spans that no longer fit are left out.
    const known = joined.text === text;
    const id = newId();
    this.#sinks.append({
      id,
      speaker: 'user',
      text,
      raw: joined.raw && joined.raw !== text ? joined.raw : null,
      edits: known ? joined.edits : [],
      saidAt: new Date(item.createdAt).toISOString(),
    });
    this.#overtaken = this.#open;
    const timed = this.stopwatch.begin(item, typed?.atMs);
    this.#open = { id, typed: typed !== undefined, metrics: item.metrics, timed };
    this.#ttftMs = null;
    this.#audioMs = 0;
  }

  #agentSaid(item: llm.ChatMessage): void {
    const agent = this.#session.currentAgent.id;
    const answered = (item.interrupted && this.#overtaken) || this.#open;
    const times = this.stopwatch.end(answered?.timed, item);
    this.#sinks.append({
      id: newId(),
      speaker: 'agent',
      agent,
      text: item.rawTextContent ?? '',
      interrupted: item.interrupted,
      saidAt: new Date(item.createdAt).toISOString(),
      latency: times?.waterfall ?? null,
    });
    if (!answered || !times) return;
    if (answered === this.#open) this.#open = undefined;
    this.#overtaken = undefined;
    const { id, typed, metrics } = answered;
    const report = {
      turnId: id,
      agent,
      typed,
      interrupted: item.interrupted,
      transcriptionDelayMs: milliseconds(metrics.transcriptionDelay),
      endOfTurnDelayMs: milliseconds(metrics.endOfTurnDelay),
      ttftMs: milliseconds(item.metrics.llmNodeTtft) ?? this.#ttftMs,
      ttfbMs: milliseconds(item.metrics.ttsNodeTtfb),
      audioMs: this.#audioMs || null,
      waterfall: times.waterfall,
    };
    this.#sinks.report(report, times);
  }

  #measure(measured: metrics.AgentMetrics): void {
    if (measured.type === 'llm_metrics') this.#ttftMs = measured.ttftMs;
    if (measured.type === 'tts_metrics') this.#audioMs += measured.audioDurationMs;
  }
}

/** The framework's message metrics are in seconds. */
function milliseconds(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds * 1_000);
}
