import { voice } from '@livekit/agents';
import type { Recovery, TurnReport, Waterfall } from '../../domain/conversation.ts';
import type { CallSession } from '../call.ts';
import type { LabelsOf } from './metrics.ts';
import type { TelemetryReporter } from './reporter.ts';
import { usageOf, type VendorUsage } from './usage.ts';
import type { Speculations } from './waterfall.ts';

const { ConversationItemAdded, MetricsCollected } = voice.AgentSessionEventTypes;

/** The stages of an answer, in their order, and whose part each is. */
const stages = [
  ['transcript', 'transcriptMs', 'stt'],
  ['end_of_turn', 'endOfTurnMs', undefined],
  ['request', 'requestMs', 'llm'],
  ['first_token', 'firstTokenMs', 'llm'],
  ['first_sentence', 'firstSentenceMs', 'llm'],
  ['first_audio', 'firstAudioMs', 'tts'],
  ['first_frame', 'firstFrameMs', undefined],
] as const satisfies [string, keyof Waterfall, keyof Waterfall['vendors'] | undefined][];

/** Counts and measures one call for the metrics of its worker, from its making to the end of the process. */
export class CallMeter {
  readonly #reporter: TelemetryReporter;

  constructor(reporter: TelemetryReporter) {
    this.#reporter = reporter;
    reporter.set('parley_active_calls', 1);
  }

  /** Follows a session's events: what is used of vendors, and answers that are talked over. */
  follow(session: CallSession): void {
    session.on(MetricsCollected, ({ metrics }) => {
      const usage = usageOf(metrics);
      if (usage) this.#used(usage);
    });
    session.on(ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'assistant' && item.interrupted) this.#interrupted('ended');
    });
  }

  /** An agent that was silenced by a sound went on. */
  resumed(): void {
    this.#interrupted('resumed');
  }

  /** A turn was answered. */
  answered({ typed, waterfall }: TurnReport): void {
    for (const [stage, name, port] of stages) {
      const milliseconds = waterfall[name];
      if (milliseconds === null) continue;
      const vendor = (port && waterfall.vendors[port]) ?? '';
      this.#reporter.observe('parley_turn_stage_seconds', { stage, vendor }, Math.max(0, milliseconds / 1_000));
    }
    if (waterfall.firstFrameMs === null) return;
    const seconds = Math.max(0, waterfall.firstFrameMs / 1_000);
    this.#reporter.observe('parley_voice_to_voice_seconds', { typed: String(typed) }, seconds);
  }

  /** The call goes on by other means. */
  recovered({ kind, port, from, to, reason }: Recovery): void {
    this.#reporter.count('parley_watchdog_total', { kind });
    if (kind !== 'fallback') return;
    const labels = { port: port ?? '', from: nameIn(from), to: nameIn(to), reason: reason ?? '' };
    this.#reporter.count('parley_fallbacks_total', labels);
  }

  /** Replies were begun ahead of a turn. */
  speculated({ used, dropped }: Speculations): void {
    if (used) this.#reporter.count('parley_speculations_total', { outcome: 'used' }, used);
    if (dropped) this.#reporter.count('parley_speculations_total', { outcome: 'dropped' }, dropped);
  }

  /** A tool of an MCP server was called. */
  toolCalled(labels: LabelsOf<'parley_mcp_calls_total'>): void {
    this.#reporter.count('parley_mcp_calls_total', labels);
  }

  #interrupted(outcome: 'ended' | 'resumed'): void {
    this.#reporter.count('parley_interruptions_total', { outcome });
  }

  #used({ port, vendor, model, tokens, audioSeconds, characters, costDollars }: VendorUsage): void {
    for (const [kind, amount] of Object.entries(tokens)) {
      if (amount > 0) this.#reporter.count('parley_tokens_total', { vendor, model, kind }, amount);
    }
    if (audioSeconds > 0) this.#reporter.count('parley_audio_seconds_total', { port, vendor }, audioSeconds);
    if (characters > 0) this.#reporter.count('parley_speech_characters_total', { vendor }, characters);
    if (costDollars) this.#reporter.count('parley_cost_dollars_total', { vendor, model }, costDollars);
  }
}

/** `llm:anthropic` is the key of a vendor among all; beside the port its name is enough. */
function nameIn(key: string | null | undefined): string {
  return key?.slice(key.indexOf(':') + 1) ?? '';
}
