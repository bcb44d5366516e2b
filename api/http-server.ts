import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';

/**
 * Node's answer to a request, which writes the headers it keeps together with those of `writeHead`. Set one by one, each is
 * checked and filed by itself, and a short answer has more of them than it has fields.
 */
export class Answer<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  private kept: OutgoingHttpHeaders | undefined;

  /** Keeps headers, in place of those of the same names. @param headers by names in lower case; the object is ours from then on. */
  keep(headers: OutgoingHttpHeaders): void {
    this.kept = this.kept ? Object.assign(this.kept, headers) : headers;
  }

  /** As Hono's adapter calls it: with a status and, where there are any, headers as an object, which win over what is kept. */
  override writeHead(statusCode: number, ...rest: unknown[]): this {
    const headers = rest[0] as OutgoingHttpHeaders | undefined;
    this.kept ??= {};
    for (const name in headers) this.kept[name.toLowerCase()] = headers[name];
    return super.writeHead(statusCode, this.kept);
  }
}

/** A server, not listening yet, that answers with a Hono app. */
export function createHttpServer(app: { fetch: Parameters<typeof getRequestListener>[0] }): Server {
  return createServer({ ServerResponse: Answer }, getRequestListener(app.fetch));
}
