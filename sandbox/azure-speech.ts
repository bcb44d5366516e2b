import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { RecognitionConnection } from './azure-speech-recognition.ts';
import { SynthesisConnection } from './azure-speech-synthesis.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import type { Line } from './speech/lines.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

/** The base URL of the service is the sandbox's with this path. */
export const azureSpeechPrefix = '/azure-speech';

/** What a connection works with, whichever way the speech goes. */
export interface AzureSpeechContext extends StandInContext {
  connection: number;
  query: URLSearchParams;
  failure: Failure | undefined;
  log: StandInContext['log'];
}

const recognitionPath = `${azureSpeechPrefix}/stt/speech/universal/v2`;
const synthesisPath = `${azureSpeechPrefix}/tts/cognitiveservices/websocket/v1`;

/** What the SDK adds to every connection; it sends headers as parameters too, because browsers can't set headers. */
const commonParameters = ['Ocp-Apim-Subscription-Key', 'Authorization', 'X-ConnectionId', 'connectionId'];
const parameters: Record<string, ReadonlySet<string>> = {
  [recognitionPath]: new Set([
    ...commonParameters,
    ...'cid endSilenceTimeoutMs format initialSilenceTimeoutMs language lidEnabled profanity'.split(' '),
    ...'segmentationMaximumTimeMs segmentationSilenceTimeoutMs segmentationStrategy'.split(' '),
    ...'stableIntermediateThreshold storeAudio wordLevelTimestamps'.split(' '),
  ]),
  [synthesisPath]: new Set([...commonParameters, 'deploymentId']),
};
const refusals: Partial<Record<Failure['mode'], { status: number; reason: string }>> = {
  refuse: { status: 401, reason: 'Unauthorized' },
  'rate-limit': { status: 429, reason: 'Too Many Requests' },
  overload: { status: 503, reason: 'Service Unavailable' },
};

/**
 * Stands in for Azure's speech service under `/azure-speech`: recognition (`/stt/speech/universal/v2`) and synthesis
 * (`/tts/cognitiveservices/websocket/v1`), both WebSockets that speak what version 1.52 of the vendor's SDK speaks. It
 * knows `lines` by their sound and returns the words whose audio it received, and a notice for any other speech.
 *
 * `refuse`, `rate-limit` and `overload` answer the opening of a connection with an HTTP status; `hang` leaves it without an
 * answer. A synthesis connection takes a failure for each text too: an open one is then closed, or falls silent. `close`
 * ends a recognition with 1011 once `afterMs` of audio has been received, a synthesis connection `afterMs` after a text.
 */
export function azureSpeechStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new StandInSockets('azure-speech', log);
    return {
      vendor: 'azure-speech',
      owns: (path) => path.startsWith(`${azureSpeechPrefix}/`),
      http(request, response) {
        const { pathname } = new URL(request.url ?? '/', 'http://sandbox');
        log.add('azure-speech', 'unexpected-request', sockets.number(), { method: request.method, path: pathname });
        sendJson(response, 404, { error: { code: 'NotFound', message: 'Only WebSockets are served here.' } });
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://sandbox');
        const known = parameters[pathname];
        if (!known) log.add('azure-speech', 'unexpected-request', connection, { path: pathname });
        for (const name of query.keys()) {
          if (known && !known.has(name)) log.add('azure-speech', 'unexpected-request', connection, { parameter: name });
        }
        const failure = settings.takeFailure('azure-speech');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection);
        const unknown = known ? undefined : { status: 404, reason: 'Not Found' };
        const unauthorised = hasKey(request, query) ? undefined : refusals.refuse;
        const refusal = (failure && refusals[failure.mode]) ?? unauthorised ?? unknown;
        if (refusal) {
          log.add('azure-speech', 'connection-refused', connection, { status: refusal.status });
          return sockets.refuse(socket, refusal);
        }
        const context = { connection, query, failure, log, settings };
        const accept = (accepted: WebSocket) =>
          pathname === recognitionPath
            ? new RecognitionConnection(accepted, library, context)
            : new SynthesisConnection(accepted, context);
        sockets.accept(request, socket, head, accept);
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}

function hasKey(request: IncomingMessage, query: URLSearchParams): boolean {
  const key = request.headers['ocp-apim-subscription-key'] ?? query.get('Ocp-Apim-Subscription-Key');
  return Boolean(key) || /^Bearer \S+$/.test(request.headers.authorization ?? '');
}
