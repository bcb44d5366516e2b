import { type Attributes, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { TurnReport } from '../../domain/conversation.ts';
import type { AnswerTimes } from './waterfall.ts';

/** Where spans go. */
export interface TurnSpansOptions {
  /** Base URL of an OTLP/HTTP receiver; `/v1/traces` is added to its path. */
  endpoint: string;
  /** Sent with each request, such as a key. */
  headers: Readonly<Record<string, string>>;
  serviceName: string;
}

/** A turn's end of a span, by the name of its time; spans begin where another one ends. */
const stages = [
  { name: 'transcript', from: undefined, to: 'transcriptMs', port: 'stt' },
  { name: 'end of turn', from: undefined, to: 'endOfTurnMs', port: undefined },
  { name: 'first token', from: 'requestMs', to: 'firstTokenMs', port: 'llm' },
  { name: 'first sentence', from: 'firstTokenMs', to: 'firstSentenceMs', port: 'llm' },
  { name: 'first audio', from: 'firstTokenMs', to: 'firstAudioMs', port: 'tts' },
  { name: 'first frame', from: 'firstAudioMs', to: 'firstFrameMs', port: undefined },
] as const;

/** The end of a call waits no longer for spans that can't be sent. */
const flushTimeoutMs = 2_000;
const exportTimeoutMs = 1_500;

/**
 * Exports one tree of spans for each answered turn, by OTLP: how long its stages took, with which vendors and models. The
 * framework's own spans carry what people say, so this has a provider of its own, and the process's global one is left alone.
 */
export class TurnSpans {
  readonly #provider: BasicTracerProvider;

  constructor({ endpoint, headers, serviceName }: TurnSpansOptions) {
    const exporter: SpanExporter = new OTLPTraceExporter({
      url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
      headers: { ...headers },
      timeoutMillis: exportTimeoutMs,
    });
    this.#provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': serviceName }),
      spanProcessors: [
        new BatchSpanProcessor(exporter, { scheduledDelayMillis: 5_000, exportTimeoutMillis: exportTimeoutMs }),
      ],
    });
  }

  /** An answered turn, as one span and those of its stages. */
  answered({ turnId, agent, typed, interrupted }: TurnReport, { waterfall, startedAtMs, models }: AnswerTimes): void {
    const tracer = this.#provider.getTracer('parley');
    const { vendors, tokens, costDollars } = waterfall;
    const known = stages.flatMap(({ from, to }) => [from === undefined ? 0 : waterfall[from], waterfall[to]]);
    const offsets = known.filter((offset) => offset !== null);
    const attributes: Attributes = {
      'parley.turn.id': turnId,
      'parley.agent': agent,
      'parley.typed': typed,
      'parley.interrupted': interrupted,
      'gen_ai.usage.input_tokens': tokens.prompt,
      'gen_ai.usage.output_tokens': tokens.completion,
      'parley.tokens.cached': tokens.cached,
      ...(costDollars !== null && { 'parley.cost.dollars': costDollars }),
    };
    // A reply that was begun ahead starts before the person stopped, and the turn's span with it.
    const times = { startTime: startedAtMs + Math.min(0, ...offsets), endTime: startedAtMs + Math.max(0, ...offsets) };
    const turn = tracer.startSpan(
      'turn',
      { startTime: times.startTime, kind: SpanKind.SERVER, attributes },
      ROOT_CONTEXT,
    );
    const within = trace.setSpan(ROOT_CONTEXT, turn);
    for (const { name, from, to, port } of stages) {
      const [begin, end] = [from === undefined ? 0 : waterfall[from], waterfall[to]];
      if (begin === null || end === null) continue;
      const vendor = port && vendors[port];
      const model = port && models[port];
      const span = tracer.startSpan(
        name,
        {
          startTime: startedAtMs + begin,
          attributes: { ...(vendor && { 'parley.vendor': vendor }), ...(model && { 'parley.model': model }) },
        },
        within,
      );
      span.end(startedAtMs + Math.max(begin, end));
    }
    turn.end(times.endTime);
  }

  /** Sends what is left, for two seconds at most. Spans that can't be sent are lost. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, flushTimeoutMs);
    });
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}
