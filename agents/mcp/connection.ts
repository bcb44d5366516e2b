import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport, StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  ErrorCode,
  ListToolsResultSchema,
  McpError,
  type Tool,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { McpServerConfig } from '../../core/config/mcp.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { McpFault } from './fault.ts';

/** What a connection tells of its own accord. */
export interface ConnectionOptions {
  /** Gives up opening it. */
  signal?: AbortSignal;
  /** The server has other tools than it had. */
  onToolsChanged?(): void;
  /** The server has lost the session, or can't be heard any more. */
  onLost?(): void;
}

/** A server whose list goes on for longer is not asked further. */
const mostPages = 10;
/** A stream that breaks is opened again this often before the connection counts as lost. */
const streamRetries = 3;
/** The end of a session is told, and not waited for any longer than this. */
const farewellMs = 1_000;

/**
 * One session with an MCP server over streamable HTTP (modelcontextprotocol.io, revision 2025-11-25), by the official SDK. All it
 * throws is `McpFault`.
 */
export class McpConnection {
  readonly #client: Client;
  readonly #transport: StreamableHTTPClientTransport;
  readonly #timeoutMs: number;
  #isClosed = false;

  private constructor({ url, token, timeoutMs }: McpServerConfig, { onToolsChanged, onLost }: ConnectionOptions) {
    this.#timeoutMs = timeoutMs;
    let wasOpen = false;
    let failures = 0;
    this.#transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: token ? { headers: { authorization: `Bearer ${token}` } } : undefined,
      reconnectionOptions: {
        initialReconnectionDelay: 500,
        maxReconnectionDelay: 5_000,
        reconnectionDelayGrowFactor: 2,
        maxRetries: streamRetries,
      },
      fetch: boundedFetch((status) => {
        const isOpen = status === 200;
        failures = isOpen ? 0 : failures + 1;
        wasOpen ||= isOpen;
        // A server need not have such a stream; one that had it and has it no longer is gone, or has lost the session.
        if (wasOpen && !this.#isClosed && (failures >= streamRetries || isLost(status, this.#transport))) onLost?.();
      }),
    });
    this.#client = new Client({ name: 'parley', version: '1' }, { capabilities: {} });
    this.#client.setNotificationHandler(ToolListChangedNotificationSchema, () => onToolsChanged?.());
  }

  /** Opens a session. */
  static async open(config: McpServerConfig, options: ConnectionOptions = {}): Promise<McpConnection> {
    const connection = new McpConnection(config, options);
    try {
      await connection.#ask(options.signal, (request) => connection.#client.connect(connection.#transport, request));
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** All tools of the server, as it describes them. */
  async tools(signal?: AbortSignal): Promise<Tool[]> {
    const tools: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < mostPages; page += 1) {
      const params = cursor === undefined ? {} : { cursor };
      // Not `client.listTools`, which compiles every schema of results: nobody here checks results against them.
      const result = await this.#ask(signal, (request) =>
        this.#client.request({ method: 'tools/list', params }, ListToolsResultSchema, request),
      );
      tools.push(...result.tools);
      cursor = result.nextCursor;
      if (cursor === undefined) break;
    }
    return tools;
  }

  /** Calls a tool by the server's own name. What went wrong within the tool is a result with `isError`. */
  call(name: string, input: Record<string, unknown>, signal?: AbortSignal): Promise<CallToolResult> {
    const params = { name, arguments: input };
    return this.#ask(signal, (request) =>
      this.#client.request({ method: 'tools/call', params }, CallToolResultSchema, request),
    );
  }

  /** Ends the session at the server, unless it is gone, and everything that is open. Never throws. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const enough = new AbortController();
    const patience = sleep(farewellMs, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([this.#transport.terminateSession().catch(() => undefined), patience]);
    enough.abort();
    // Whatever still waits for an answer fails with this.
    await this.#client.close().catch(() => undefined);
    await this.#transport.close().catch(() => undefined);
  }

  /** Has a request answered in time. It gets a signal of its own: the SDK would cancel it again after it was answered. */
  async #ask<T>(
    signal: AbortSignal | undefined,
    request: (options: { signal: AbortSignal; timeout: number }) => Promise<T>,
  ): Promise<T> {
    const own = new AbortController();
    const onAbort = () => own.abort('cancelled');
    const timer = setTimeout(() => own.abort('timeout'), this.#timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal?.aborted) throw new McpFault('cancelled', 'given up');
      // A server may be slow in taking the request too, which the SDK would wait for.
      return await Promise.race([request({ signal: own.signal, timeout: 2 * this.#timeoutMs }), rejected(own.signal)]);
    } catch (error) {
      if (own.signal.reason === 'timeout') throw new McpFault('timeout', `no answer within ${this.#timeoutMs} ms`);
      if (own.signal.aborted) throw new McpFault('cancelled', 'given up');
      throw faultOf(error, this.#transport);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** A server says 404 of a session that it doesn't know (revision 2025-11-25, "Session Management"); many say 400. */
function isLost(status: unknown, { sessionId }: StreamableHTTPClientTransport): boolean {
  return sessionId !== undefined && (status === 404 || status === 400);
}

/** The SDK's messages hold what the server said: they stay out of ours. */
function faultOf(error: unknown, transport: StreamableHTTPClientTransport): McpFault {
  if (error instanceof McpFault) return error;
  if (error instanceof StreamableHTTPError) {
    if (isLost(error.code, transport)) return new McpFault('lost', `status ${error.code}`);
    return new McpFault('unreachable', error.code === undefined ? 'no answer' : `status ${error.code}`);
  }
  if (error instanceof McpError) {
    if (error.code === ErrorCode.ConnectionClosed) return new McpFault('unreachable', 'connection closed');
    return new McpFault('refused', `error ${error.code}`, error.message);
  }
  if (error instanceof TypeError) return new McpFault('unreachable', networkReason(error));
  return new McpFault('unreadable', 'not an answer of the protocol');
}

/** `ECONNREFUSED` and the like, of what `fetch` throws. */
function networkReason({ cause }: TypeError): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'not reachable';
}
