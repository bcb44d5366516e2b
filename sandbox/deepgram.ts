import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ListenConnection } from './deepgram-listen.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import { type Line, linesSchema, readWav } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';

const path = '/v1/listen';

/** Parameters of the streaming endpoint (developers.deepgram.com/reference/speech-to-text/listen-streaming). */
const parameters = new Set(
  (
    'callback callback_method channels detect_entities diarize diarize_model dictation encoding endpointing extra ' +
    'interim_results keyterm keywords language mip_opt_out model multichannel numerals profanity_filter punctuate ' +
    'redact replace sample_rate search smart_format tag utterance_end_ms vad_events version'
  ).split(' '),
);
const modelFamilies = /^(nova-3|nova-2|nova|enhanced|base)(-[a-z]+)?$/;
/** Deepgram takes more encodings; these ears hear only this one. */
const encodings = new Set(['linear16']);

interface Refusal {
  status: number;
  code: string;
  message: string;
}

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: { status: 401, code: 'INVALID_AUTH', message: 'Invalid credentials.' },
  'rate-limit': { status: 429, code: 'TOO_MANY_REQUESTS', message: 'Too many requests. Please try again later.' },
  overload: { status: 503, code: 'SERVICE_UNAVAILABLE', message: 'Service unavailable. Please try again later.' },
};

/**
 * Reads `lines.json` and the recordings it names.
 * @throws Error naming the file that is missing, malformed or not 16-bit mono PCM.
 */
export async function loadLines(folder: string): Promise<Line[]> {
  const entries = linesSchema.parse(JSON.parse(await readFile(join(folder, 'lines.json'), 'utf8')));
  return Promise.all(
    entries.map(async (entry) => ({ ...entry, ...readWav(entry.file, await readFile(join(folder, entry.file))) })),
  );
}

/**
 * Stands in for Deepgram's streaming transcription (`GET /v1/listen` as a WebSocket). It knows `lines` by their sound and
 * returns the words whose audio it received, and a notice for any other speech. Failure `hang` never answers the
 * upgrade; `close` ends a connection with 1011 once `afterMs` of audio has been received.
 */
export function deepgramStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    const hanging = new Set<Duplex>();
    let count = 0;
    const dropConnections = () => {
      for (const client of sockets.clients) client.terminate();
    };
    return {
      vendor: 'deepgram',
      owns: (requested) => requested === path,
      http(request, response) {
        log.add('deepgram', 'unexpected-request', ++count, { method: request.method, path });
        sendJson(response, 404, { err_code: 'NOT_FOUND', err_msg: 'Only streaming is served here.' });
      },
      upgrade(request, socket, head) {
        const connection = ++count;
        const query = new URL(request.url ?? path, 'http://sandbox').searchParams;
        for (const name of query.keys()) {
          if (!parameters.has(name)) log.add('deepgram', 'unexpected-request', connection, { parameter: name });
        }
        const failure = settings.takeFailure('deepgram');
        if (failure?.mode === 'hang') {
          log.add('deepgram', 'connection-hung', connection, { query: query.toString() });
          hanging.add(socket);
          socket.on('error', () => socket.destroy());
          socket.on('end', () => socket.destroy());
          socket.on('close', () => {
            hanging.delete(socket);
            log.add('deepgram', 'hung-connection-closed', connection);
          });
          socket.resume();
          return;
        }
        const refusal = (failure && refusals[failure.mode]) ?? faultOf(request, query);
        if (refusal) {
          log.add('deepgram', 'connection-refused', connection, { query: query.toString(), status: refusal.status });
          refuse(socket, refusal);
          return;
        }
        sockets.handleUpgrade(request, socket, head, (accepted) => {
          log.add('deepgram', 'connection-opened', connection, { query: query.toString() });
          new ListenConnection(accepted, { connection, query, failure, library, log, settings });
        });
      },
      dropConnections,
      close() {
        for (const socket of hanging) socket.destroy();
        dropConnections();
      },
    };
  };
}

/** Answers an upgrade with an HTTP error, which the client's WebSocket library reports as a failed handshake. */
function refuse(socket: Duplex, { status, code, message }: Refusal): void {
  const requestId = randomUUID();
  const body = JSON.stringify({ err_code: code, err_msg: message, request_id: requestId });
  socket.end(
    [
      `HTTP/1.1 ${status} ${code}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `dg-error: ${message}`,
      `dg-request-id: ${requestId}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** What Deepgram itself would refuse about a handshake. */
function faultOf(request: IncomingMessage, query: URLSearchParams): Refusal | undefined {
  // Browsers can't set headers: they send the scheme and the key as sub-protocols.
  const [scheme, key] = request.headers.authorization?.split(' ') ?? protocolsOf(request);
  if (!['token', 'bearer'].includes(scheme?.toLowerCase() ?? '') || !key) return refusals.refuse;
  const fault = (message: string): Refusal => ({ status: 400, code: 'INVALID_QUERY_PARAMETER', message });
  const [model, encoding] = [query.get('model'), query.get('encoding')];
  if (model && !modelFamilies.test(model)) return fault('No such model/language/tier combination found.');
  if (!encoding || !encodings.has(encoding)) return fault('Unsupported encoding: only linear16 is heard here.');
  if (!wholeNumber(query.get('sample_rate'), 8_000, 48_000)) return fault('encoding=linear16 needs a sample_rate.');
  if ((query.get('channels') ?? '1') !== '1') return fault('Only one channel is heard here.');
  const endpointing = query.get('endpointing');
  if (endpointing && !['true', 'false'].includes(endpointing) && !wholeNumber(endpointing, 0, 60_000)) {
    return fault('endpointing needs a number of milliseconds or false.');
  }
  const utteranceEndMs = query.get('utterance_end_ms');
  if (utteranceEndMs && (!wholeNumber(utteranceEndMs, 1_000, 5_000) || query.get('interim_results') !== 'true')) {
    return fault('utterance_end_ms needs 1000 to 5000 and interim_results=true.');
  }
  if (query.has('keyterm') && model && !model.startsWith('nova-3')) return fault('keyterm needs a Nova-3 model.');
  return undefined;
}

function protocolsOf(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function wholeNumber(text: string | null, low: number, high: number): boolean {
  return text !== null && /^\d+$/.test(text) && Number(text) >= low && Number(text) <= high;
}
