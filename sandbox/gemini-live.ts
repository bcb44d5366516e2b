import { LiveSocket } from './gemini-live-connection.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import type { Line } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

const path = '/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

interface Refusal {
  code: number;
  reason: string;
}

const badKey: Refusal = { code: 1007, reason: 'API key not valid. Please pass a valid API key.' };

/** The vendor accepts every WebSocket, and refuses by closing it. */
const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: badKey,
  'rate-limit': { code: 1011, reason: 'You exceeded your current quota, please check your plan and billing details.' },
  overload: { code: 1011, reason: 'The service is currently unavailable.' },
};

/**
 * Google's Live API on loopback (ai.google.dev/api/live), a WebSocket below `/gemini`: it hears the known lines, answers by the
 * rules that every language model of the sandbox shares, and speaks four times as fast as it plays. Failure `hang` never answers
 * the upgrade; `close` ends a connection with 1011 once `afterMs` of audio has been received, or that long after a reply was due.
 */
export function geminiLiveStandIn(lines: readonly Line[]): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new StandInSockets('gemini', log);
    return {
      vendor: 'gemini',
      owns: (requested) => requested === path,
      http(request, response) {
        log.add('gemini', 'unexpected-request', sockets.number(), { method: request.method, path });
        sendJson(response, 404, { error: { code: 404, message: 'Only the WebSocket is served here.' } });
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const query = new URL(request.url ?? path, 'http://sandbox').searchParams;
        const failure = settings.takeFailure('gemini');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection);
        // The vendor's client for Python sends the key as a header, the one for JavaScript, which browsers run, can't.
        const key = query.get('key') || request.headers['x-goog-api-key'];
        const refusal = (failure && refusals[failure.mode]) ?? (key ? undefined : badKey);
        sockets.accept(request, socket, head, (accepted) => {
          if (refusal) {
            log.add('gemini', 'connection-refused', connection, { code: refusal.code });
            accepted.close(refusal.code, refusal.reason);
            return;
          }
          log.add('gemini', 'connection-opened', connection);
          new LiveSocket(accepted, { connection, failure, library, log, settings });
        });
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}
