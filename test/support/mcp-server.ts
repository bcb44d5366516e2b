import { randomUUID } from 'node:crypto';
import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

/** One request as it came, without its body. */
interface SeenRequest {
  method: string;
  headers: IncomingHttpHeaders;
}

/** Adds the tools of a server to one session of it. */
export type AddTools = (server: McpServer) => void;

/** A real MCP server on loopback, made of the official SDK, with sessions. It can go away and come back where it was. */
export class LoopbackMcpServer {
  readonly requests: SeenRequest[] = [];
  /** Answers every request with this status instead, while it is set. */
  refuseWith: number | undefined;
  /** Answers what has no known session with this status; the protocol says 404. */
  unknownSession = 404;
  readonly #addTools: AddTools;
  readonly #sessions = new Map<string, { server: McpServer; transport: StreamableHTTPServerTransport }>();
  #http: HttpServer | undefined;
  #port = 0;

  constructor(addTools: AddTools) {
    this.#addTools = addTools;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`;
  }

  /** Sessions that are open. */
  get sessions(): readonly McpServer[] {
    return [...this.#sessions.values()].map(({ server }) => server);
  }

  /** How often something was asked with an HTTP method. */
  count(method: string): number {
    return this.requests.filter((request) => request.method === method).length;
  }

  async start(): Promise<this> {
    const http = createServer(async (request, response) => {
      this.requests.push({ method: request.method ?? '', headers: request.headers });
      if (this.refuseWith) return void response.writeHead(this.refuseWith).end('refused, with a secret');
      const id = request.headers['mcp-session-id'];
      const known = typeof id === 'string' ? this.#sessions.get(id) : undefined;
      if (!known && id !== undefined) return void response.writeHead(this.unknownSession).end();
      const transport = known?.transport ?? (await this.#open());
      await transport.handleRequest(request, response);
    });
    await new Promise<void>((resolve) => http.listen(this.#port, '127.0.0.1', resolve));
    this.#http = http;
    this.#port = (http.address() as AddressInfo).port;
    return this;
  }

  /** Forgets all sessions, as one that was started anew. */
  async forget(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(sessions.map(({ server }) => server.close()));
  }

  async stop(): Promise<void> {
    await this.forget();
    const closed = new Promise((resolve) => this.#http?.close(resolve));
    this.#http?.closeAllConnections();
    await closed;
  }

  async #open(): Promise<StreamableHTTPServerTransport> {
    const server = new McpServer(
      { name: 'loopback', version: '1' },
      { capabilities: { tools: { listChanged: true } } },
    );
    this.#addTools(server);
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#sessions.set(id, { server, transport }),
      onsessionclosed: (id) => void this.#sessions.delete(id),
    });
    await server.connect(transport);
    return transport;
  }
}
