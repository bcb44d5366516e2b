import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FluxConnection } from './deepgram-flux.ts';
import { ListenConnection } from './deepgram-listen.ts';
import { badKey, endpoints, faultOf, type Refusal } from './deepgram-queries.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import { type Line, linesSchema, readWav } from './speech/lines.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: badKey,
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
 * Stands in for Deepgram's streaming transcription: WebSockets at `GET /v1/listen` and, for Flux, `GET /v2/listen`. It
 * knows `lines` by their sound and returns the words whose audio it received, and a notice for any other speech. Failure
 * `hang` never answers the upgrade; `close` ends a connection with 1011 once `afterMs` of audio has been received.
 * `forcedEnds`: whether Flux knows `ForceEndTurn`, which not all of the vendor's deployments do (default true).
 */
export function deepgramStandIn(
  lines: readonly Line[],
  { forcedEnds = true }: { forcedEnds?: boolean } = {},
): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const sockets = new StandInSockets('deepgram', log);
    return {
      vendor: 'deepgram',
      owns: (path) => path in endpoints,
      http(request, response) {
        log.add('deepgram', 'unexpected-request', sockets.number(), { method: request.method, url: request.url });
        sendJson(response, 404, { err_code: 'NOT_FOUND', err_msg: 'Only streaming is served here.' });
      },
      upgrade(request, socket, head) {
        const connection = sockets.number();
        const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://sandbox');
        const endpoint = endpoints[pathname];
        if (!endpoint) throw new Error(`no endpoint ${pathname}`);
        for (const name of query.keys()) {
          if (!endpoint.parameters.has(name))
            log.add('deepgram', 'unexpected-request', connection, { parameter: name });
        }
        const failure = settings.takeFailure('deepgram');
        if (failure?.mode === 'hang') return sockets.hang(socket, connection, { query: query.toString() });
        const refusal = (failure && refusals[failure.mode]) ?? faultOf(request, query, endpoint);
        if (refusal) {
          log.add('deepgram', 'connection-refused', connection, { query: query.toString(), status: refusal.status });
          const { status, code, message } = refusal;
          const requestId = randomUUID();
          const headers = { 'dg-error': message, 'dg-request-id': requestId };
          const body = { err_code: code, err_msg: message, request_id: requestId };
          sockets.refuse(socket, { status, reason: code, headers, body });
          return;
        }
        sockets.accept(request, socket, head, (accepted) => {
          log.add('deepgram', 'connection-opened', connection, { query: query.toString() });
          const context = { connection, query, failure, library, log, settings };
          if (pathname === '/v1/listen') new ListenConnection(accepted, context);
          else new FluxConnection(accepted, { ...context, forcedEnds });
        });
      },
      dropConnections: () => sockets.drop(),
      close: () => sockets.close(),
    };
  };
}
