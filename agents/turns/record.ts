import { type llm, type metrics, voice } from '@livekit/agents';
import { newId } from '../../core/ids.ts';
import type { NewTurn, TurnReport } from '../../domain/conversation.ts';
import type { CallSession } from '../call.ts';
import { joinTranscripts, type Transcript } from './transcripts.ts';

/** Where the record of a call goes. */
export interface RecordSinks {
  /** Keeps a turn. */
  append(turn: NewTurn): void;
  /** Tells the client where the time of an answered turn went. */
  report(report: TurnReport): void;
}

interface OpenTurn {
  id: string;
  typed: boolean;
  metrics: llm.MetricsReport;
}

/** Follows a session's events, keeps every turn with what normalization did to it, and reports how long each took. */
export class TurnRecord {
  readonly #session: CallSession;
  readonly #sinks: RecordSinks;
  #heard: Transcript[] = [];
  #typed: Transcript[] = [];
  #open: OpenTurn | undefined;
  #ttftMs: number | null = null;
  #audioMs = 0;

  constructor(session: CallSession, sinks: RecordSinks) {
    this.#session = session;
    this.#sinks = sinks;
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

  /** A typed message, which is a turn by itself. */
  typed(message: Transcript): void {
    this.#typed.push(message);
  }

  /** A turn that no agent answers, and of which the session therefore tells nothing. */
  unanswered({ raw, text, edits }: Transcript): void {
    this.#heard = [];
    this.#open = undefined;
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
    const typedAt = this.#typed.findIndex((message) => message.text === text);
    const typed = typedAt >= 0;
    const source = typed ? this.#typed.splice(typedAt, 1) : this.#heard.splice(0);
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
    this.#open = { id, typed, metrics: item.metrics };
    this.#ttftMs = null;
    this.#audioMs = 0;
  }

  #agentSaid(item: llm.ChatMessage): void {
    const agent = this.#session.currentAgent.id;
    this.#sinks.append({
      id: newId(),
      speaker: 'agent',
      agent,
      text: item.rawTextContent ?? '',
      interrupted: item.interrupted,
      saidAt: new Date(item.createdAt).toISOString(),
    });
    if (!this.#open) return;
    const { id, typed, metrics } = this.#open;
    this.#open = undefined;
    this.#sinks.report({
      turnId: id,
      agent,
      typed,
      interrupted: item.interrupted,
      transcriptionDelayMs: milliseconds(metrics.transcriptionDelay),
      endOfTurnDelayMs: milliseconds(metrics.endOfTurnDelay),
      ttftMs: milliseconds(item.metrics.llmNodeTtft) ?? this.#ttftMs,
      ttfbMs: milliseconds(item.metrics.ttsNodeTtfb),
      audioMs: this.#audioMs || null,
    });
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
