import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { listenFault, SarvamListenConnection } from './sarvam-listen.ts';
import { type SarvamRefusal, sarvamRefusals } from './sarvam-protocol.ts';
import { SarvamSpeakConnection, speakFault } from './sarvam-speak.ts';
import { sendJson } from './server.ts';
import { SpeechLibrary } from './speech/library.ts';
import type { Line } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

const root = '/sarvam';
const listenPath = `${root}/speech-to-text/ws`;
const speakPath = `${root}/text-to-speech/ws`;

/**
 * Stands in for Sarvam, whose base URL is `<sandbox>/sarvam`: streaming recognition (`/speech-to-text/ws`) of `lines`, which
 * it knows by their sound, and streaming voices (`/text-to-speech/ws`). Failures hit the handshake, voices on an open
 * connection too; `hang` never answers it; `close` ends a recogniser with 1011 once `afterMs` of audio has been received.
 */
export function sarvamStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return (context): StandIn => {
    const { log, settings } = context;
    const sockets = new StandInSockets('sarvam', log);
    return {
      vendor: 'sarvam',
      owns: (path) => path.startsWith(`${root}/`),
      http(request, response) {
        log.add('sarvam', 'unexpected-request', sockets.number(), { method: request.method, path: request.url });
        sendJson(response, 404, { error: { code: 'not_found_error', message: 'Only WebSockets are served here' } });
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const { pathname, searchParams: query } = new URL(request.url ?? root, 'http://sandbox');
        const logged = { path: pathname.slice(root.length), query: query.toString() };
        const failure = settings.takeFailure('sarvam');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection, logged);
        const unknown = (parameter: string) => log.add('sarvam', 'unexpected-request', connection, { parameter });
        const refusal =
          (failure && sarvamRefusals[failure.mode]) ?? keyFault(request) ?? faultOf(pathname, query, unknown);
        if (refusal) {
          log.add('sarvam', 'connection-refused', connection, { ...logged, status: refusal.status });
          const { status, code, message } = refusal;
          return sockets.refuse(socket, { status, body: { error: { message, code, request_id: randomUUID() } } });
        }
        sockets.accept(request, socket, head, (accepted: WebSocket) => {
          log.add('sarvam', 'connection-opened', connection, logged);
          const made = { ...context, connection, query, failure };
          if (pathname === listenPath) new SarvamListenConnection(accepted, made, library);
          else new SarvamSpeakConnection(accepted, made);
        });
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}

/** The key comes as a header or, from browsers, as a sub-protocol. */
function keyFault(request: IncomingMessage): SarvamRefusal | undefined {
  const protocols = request.headers['sec-websocket-protocol'] ?? '';
  const hasKey = request.headers['api-subscription-key'] || /\bapi-subscription-key\.\S/.test(protocols);
  return hasKey ? undefined : sarvamRefusals.refuse;
}

function faultOf(
  path: string,
  query: URLSearchParams,
  unknown: (parameter: string) => void,
): SarvamRefusal | undefined {
  if (path !== listenPath && path !== speakPath) {
    return { status: 404, code: 'not_found_error', message: 'Not found' };
  }
  const message = path === listenPath ? listenFault(query, unknown) : speakFault(query, unknown);
  return message === undefined ? undefined : { status: 400, code: 'invalid_request_error', message };
}
