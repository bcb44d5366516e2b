import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { type ConversationContext, serveConversation } from './openai-conversation.ts';
import { serveTranscription } from './openai-realtime-transcription.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import type { Line } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

const path = '/openai/v1/realtime';
const parameters = new Set(['model', 'intent', 'call_id']);

interface Refusal {
  status: number;
  code: string | null;
  message: string;
}

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: { status: 401, code: 'invalid_api_key', message: 'Incorrect API key provided.' },
  'rate-limit': { status: 429, code: 'rate_limit_exceeded', message: 'Rate limit reached.' },
  overload: { status: 503, code: null, message: 'The engine is currently overloaded.' },
};

/** Serves one kind of session on an accepted socket, and logs its `connection-closed`. */
type ServeSession = (socket: WebSocket, context: ConversationContext) => void;

/**
 * OpenAI's realtime WebSocket (https://platform.openai.com/docs/guides/realtime-websocket): it checks the key, applies a
 * failure that concerns the handshake, and hands the connection to the kind of session that was asked for: `?model=` is a
 * conversation, `?intent=transcription` a transcription, which must not name a model. Failure `hang` never answers the
 * upgrade; `close` and `slow` are up to the session.
 */
export function openaiRealtimeStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new StandInSockets('openai', log);
    return {
      vendor: 'openai',
      owns: (requested) => requested === path,
      http(request, response) {
        log.add('openai', 'unexpected-request', sockets.number(), { method: request.method, path });
        sendJson(response, 404, errorBody({ status: 404, code: null, message: 'Only the WebSocket is served here.' }));
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const query = new URL(request.url ?? path, 'http://sandbox').searchParams;
        for (const name of query.keys()) {
          if (!parameters.has(name)) log.add('openai', 'unexpected-request', connection, { parameter: name });
        }
        const failure = settings.takeFailure('openai');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection, { query: query.toString() });
        const refusal = (failure && refusals[failure.mode]) ?? (hasKey(request) ? undefined : refusals.refuse);
        if (refusal) {
          log.add('openai', 'connection-refused', connection, { query: query.toString(), status: refusal.status });
          const headers = { 'x-request-id': `req_${randomUUID()}` };
          sockets.refuse(socket, { status: refusal.status, headers, body: errorBody(refusal) });
          return;
        }
        sockets.accept(request, socket, head, (accepted) => {
          log.add('openai', 'connection-opened', connection, { query: query.toString() });
          const context = { vendor: 'openai', connection, query, failure, library, log, settings } as const;
          const fault = faultOf(query);
          if (fault) {
            log.add('openai', 'unexpected-request', connection, { message: fault.message });
            accepted.on('close', (code) => log.add('openai', 'connection-closed', connection, { code }));
            accepted.send(JSON.stringify({ type: 'error', event_id: randomUUID(), ...errorBody(fault) }));
            accepted.close(4_000, `invalid_request_error.${fault.code}`);
            return;
          }
          const serve: ServeSession = query.get('intent') === 'transcription' ? serveTranscription : serveConversation;
          serve(accepted, context);
        });
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}

/** Which session is meant is found out on the open socket: the real one says so in an error event, then closes. */
function faultOf(query: URLSearchParams): Refusal | undefined {
  const invalidModel = (message: string): Refusal => ({ status: 400, code: 'invalid_model', message });
  const intent = query.get('intent');
  if (intent !== null && intent !== 'transcription') return invalidModel(`There is no intent '${intent}'.`);
  if (intent === 'transcription') {
    if (!query.has('model')) return undefined;
    return invalidModel('You must not provide a model parameter for transcription sessions.');
  }
  return query.get('model') ? undefined : invalidModel('You must provide a model parameter.');
}

function hasKey(request: IncomingMessage): boolean {
  return /^Bearer \S+$/.test(request.headers.authorization ?? '');
}

function errorBody({ status, code, message }: Refusal) {
  const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param: null, code } };
}
