import { randomUUID } from 'node:crypto';
import { serveConversation } from './openai-conversation.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import type { Line } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

/** The base URL of a resource here is `<sandbox>/azure-openai/openai/v1`. */
const path = '/azure-openai/openai/v1/realtime';
const parameters = new Set(['model', 'api-key']);

const refusals: Partial<Record<Failure['mode'], [status: number, code: string]>> = {
  refuse: [401, '401'],
  'rate-limit': [429, '429'],
  overload: [503, 'ServiceUnavailable'],
};

/**
 * Azure OpenAI's realtime WebSocket in its generally available form, with `?model=<deployment>` and a header `api-key`
 * (learn.microsoft.com/azure/foundry/openai/how-to/realtime-audio-websockets); the conversation itself is OpenAI's. Bearer tokens
 * are for Microsoft Entra ID, which isn't modelled: a key that comes as one is refused.
 */
export function azureConversationStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new StandInSockets('azure-openai', log);
    return {
      vendor: 'azure-openai',
      owns: (requested) => requested === path,
      http(request, response) {
        log.add('azure-openai', 'unexpected-request', sockets.number(), { method: request.method, path });
        sendJson(response, 404, { error: { code: '404', message: 'Resource not found' } });
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const query = new URL(request.url ?? path, 'http://sandbox').searchParams;
        for (const name of query.keys()) {
          if (!parameters.has(name)) log.add('azure-openai', 'unexpected-request', connection, { parameter: name });
        }
        const failure = settings.takeFailure('azure-openai');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection);
        const hasKey = Boolean(request.headers['api-key'] || query.get('api-key')) && !request.headers.authorization;
        const fault = hasKey ? undefined : refusals.refuse;
        const missing = query.get('model') ? undefined : ([400, 'MissingModel'] as const);
        const [status, code] = (failure && refusals[failure.mode]) ?? fault ?? missing ?? [];
        if (status && code) {
          log.add('azure-openai', 'connection-refused', connection, { status });
          const headers = { 'apim-request-id': randomUUID() };
          sockets.refuse(socket, { status, headers, body: { error: { code, message: 'Refused.' } } });
          return;
        }
        sockets.accept(request, socket, head, (accepted) => {
          log.add('azure-openai', 'connection-opened', connection, { query: query.toString() });
          serveConversation(accepted, { vendor: 'azure-openai', connection, query, failure, library, log, settings });
        });
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}
