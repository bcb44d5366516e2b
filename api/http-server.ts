import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';

/**
 * Node's answer to a request, which writes the headers kept here together with those of `writeHead`, where the latter win. Set
 * one by one, each is checked and filed by itself, and a short answer has more of them than it has fields.
 */
export class Answer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** Headers by their names in lower case. */
  readonly kept: OutgoingHttpHeaders = {};

  /** As Hono's adapter calls it: with a status and, where there are any, headers as an object. */
  override writeHead(statusCode: number, ...rest: unknown[]): this {
    return super.writeHead(statusCode, { ...this.kept, ...(rest[0] as OutgoingHttpHeaders | undefined) });
  }
}

/** A server, not listening yet, that answers with a Hono app. */
export function createHttpServer(app: { fetch: Parameters<typeof getRequestListener>[0] }): Server {
  return createServer({ ServerResponse: Answer }, getRequestListener(app.fetch));
}
