import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TurnSpans } from '../../agents/telemetry/turn-spans.ts';
import type { AnswerTimes } from '../../agents/telemetry/waterfall.ts';
import { loadWorkerConfig } from '../../core/config/worker.ts';
import type { TurnReport } from '../../domain/conversation.ts';
import { workerEnv } from '../support/worker-env.ts';

interface Received {
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A receiver of OTLP over HTTP; one that hangs answers nothing. */
async function startReceiver({ hangs = false } = {}) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    received.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(parts) });
    if (!hangs) response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { received, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Fields of a protobuf message: numbers, and bytes that may be messages themselves (https://protobuf.dev/programming-guides/encoding). */
function fieldsOf(bytes: Buffer): { number: number; value: bigint | Buffer }[] {
  const fields: { number: number; value: bigint | Buffer }[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const [number, kind] = [key >> 3, key & 7];
    if (kind === 0) {
      fields.push({ number, value: varint() });
      continue;
    }
    const length = kind === 1 ? 8 : kind === 5 ? 4 : Number(varint());
    const value = bytes.subarray(at, at + length);
    at += length;
    fields.push({ number, value: kind === 1 ? value.readBigUInt64LE() : value });
  }
  return fields;
}

const messages = (bytes: Buffer, number: number) =>
  fieldsOf(bytes).flatMap((field) => (field.number === number && Buffer.isBuffer(field.value) ? [field.value] : []));

/** `ExportTraceServiceRequest` of opentelemetry-proto, as far as it matters here. */
function spansIn(request: Buffer) {
  const spans = messages(request, 1).flatMap((resource) =>
    messages(resource, 2).flatMap((scope) => messages(scope, 2)),
  );
  return spans.map((span) => {
    const first = (number: number) => fieldsOf(span).find((field) => field.number === number)?.value;
    const milliseconds = (number: number) => Number((first(number) as bigint) / 1_000_000n);
    return {
      name: String(first(5)),
      id: (first(2) as Buffer).toString('hex'),
      parent: (first(4) as Buffer | undefined)?.toString('hex') ?? '',
      from: milliseconds(7),
      to: milliseconds(8),
      attributes: messages(span, 9).map((pair) => {
        const [name, value] = [messages(pair, 1)[0], messages(pair, 2)[0]];
        return [String(name), value && String(messages(value, 1)[0] ?? '')];
      }),
    };
  });
}

const startedAtMs = 1_800_000_000_000;
const report: TurnReport = {
  turnId: '019aa0f2-1111-7000-8000-000000000000',
  agent: 'concierge',
  typed: false,
  interrupted: false,
  transcriptionDelayMs: 80,
  endOfTurnDelayMs: 300,
  ttftMs: 500,
  ttfbMs: 100,
  audioMs: 900,
  waterfall: {
    transcriptMs: 80,
    endOfTurnMs: 300,
    requestMs: -120,
    firstTokenMs: 260,
    firstSentenceMs: 330,
    firstAudioMs: 420,
    firstFrameMs: null,
    vendors: { stt: 'deepgram', llm: 'anthropic', tts: 'cartesia' },
    tokens: { prompt: 100, cached: 80, completion: 12 },
    costDollars: 0.001,
  },
};
const times: AnswerTimes = {
  waterfall: report.waterfall,
  startedAtMs,
  models: { stt: 'nova-3', llm: 'claude-haiku-4-5', tts: 'sonic-3' },
};

describe('the spans of a turn', () => {
  it('arrive as one tree, with times, vendors and models, and not a word of what was said', async () => {
    const { endpoint, received } = await startReceiver();
    const spans = new TurnSpans({
      endpoint: `${endpoint}/`,
      headers: { 'x-key': 'a key' },
      serviceName: 'parley-test',
    });
    spans.answered({ ...report, text: 'private words' } as TurnReport, times);
    await spans.close();
    expect(received).toHaveLength(1);
    const [request] = received as [Received];
    expect(request.url).toBe('/v1/traces');
    expect(request.headers).toMatchObject({ 'x-key': 'a key', 'content-type': 'application/x-protobuf' });
    expect(request.body.toString('latin1')).not.toContain('private words');
    expect(request.body.toString('latin1')).toContain('parley-test');

    const sent = spansIn(request.body);
    const turn = sent.find(({ name }) => name === 'turn');
    expect(turn).toMatchObject({ parent: '', from: startedAtMs - 120, to: startedAtMs + 420 });
    expect(turn?.attributes.map(([name]) => name)).toEqual([
      'parley.turn.id',
      'parley.agent',
      'parley.typed',
      'parley.interrupted',
      'gen_ai.usage.input_tokens',
      'gen_ai.usage.output_tokens',
      'parley.tokens.cached',
      'parley.cost.dollars',
    ]);
    const stages = sent.filter(({ parent }) => parent === turn?.id);
    expect(
      stages.map(({ name, from, to, attributes }) => [name, from - startedAtMs, to - startedAtMs, attributes]),
    ).toEqual([
      [
        'transcript',
        0,
        80,
        [
          ['parley.vendor', 'deepgram'],
          ['parley.model', 'nova-3'],
        ],
      ],
      ['end of turn', 0, 300, []],
      [
        'first token',
        -120,
        260,
        [
          ['parley.vendor', 'anthropic'],
          ['parley.model', 'claude-haiku-4-5'],
        ],
      ],
      [
        'first sentence',
        260,
        330,
        [
          ['parley.vendor', 'anthropic'],
          ['parley.model', 'claude-haiku-4-5'],
        ],
      ],
      [
        'first audio',
        260,
        420,
        [
          ['parley.vendor', 'cartesia'],
          ['parley.model', 'sonic-3'],
        ],
      ],
    ]);
    expect(sent).toHaveLength(stages.length + 1);
  });

  it('leave the tracer of the process alone, which the framework uses', () => {
    const before = trace.getTracerProvider();
    new TurnSpans({ endpoint: 'http://127.0.0.1:1', headers: {}, serviceName: 'parley-test' });
    expect(trace.getTracerProvider()).toBe(before);
    const span = trace.getTracer('another').startSpan('another');
    expect(span.isRecording()).toBe(false);
  });

  it.each(['hangs', 'is away'])(
    'hold up the end of a call for two seconds at most where the receiver %s',
    async (how) => {
      const endpoint = how === 'hangs' ? (await startReceiver({ hangs: true })).endpoint : 'http://127.0.0.1:1';
      const spans = new TurnSpans({ endpoint, headers: {}, serviceName: 'parley-test' });
      spans.answered(report, times);
      const began = performance.now();
      await spans.close();
      expect(performance.now() - began).toBeLessThan(3_000);
    },
  );
});

describe("the worker's configuration", () => {
  const endpoint = 'http://127.0.0.1:4318';

  it('sends spans only where it names a receiver, with headers as OpenTelemetry writes them', () => {
    expect(loadWorkerConfig(workerEnv).openTelemetry).toBeUndefined();
    const headers = { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-team=voice' };
    expect(loadWorkerConfig({ ...workerEnv, ...headers, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).openTelemetry).toEqual(
      {
        endpoint,
        headers: { 'api-key': 'a b', 'x-team': 'voice' },
        serviceName: 'parley-agents',
      },
    );
  });

  it.each(['no pair', 'key=%', 'key=value,'])('refuses headers such as "%s" without repeating them', (headers) => {
    const load = () => loadWorkerConfig({ ...workerEnv, OTEL_EXPORTER_OTLP_HEADERS: headers });
    expect(load).toThrow('OTEL_EXPORTER_OTLP_HEADERS: needs pairs');
    expect(load).not.toThrow(`"${headers}"`);
  });
});
