import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { McpServerConfig } from '../../core/config/mcp.ts';
import type { Log } from '../../core/log.ts';
import type { McpConnection } from './connection.ts';
import { McpFault } from './fault.ts';
import { type OfferedTool, offerOf } from './offered-tools.ts';

/** What a link is made of. */
export interface ServerLinkOptions {
  config: McpServerConfig;
  log: Log;
  /** Pauses before each further try to reach a server that is away; after the last one it is left alone until it is asked for. */
  retryPausesMs?: readonly number[];
}

/** A second, then twice as long up to a minute: a quarter of an hour in all. */
const usualPausesMs = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, ...Array.from({ length: 14 }, () => 60_000)];

/** Changes of a list that come one after another are asked for together. */
const listPauseMs = 100;

/**
 * A call's link to one MCP server, shared by its agents. It connects in the background, keeps the list of tools up to date, and
 * comes back by itself; nobody ever waits for it but a tool that is being called.
 */
export class ServerLink {
  readonly config: McpServerConfig;
  readonly #log: Log;
  readonly #pausesMs: readonly number[];
  readonly #closing = new AbortController();
  readonly #listeners = new Set<() => void>();
  #tools: readonly OfferedTool[] = [];
  #connection: McpConnection | undefined;
  /** The try that is going on. */
  #attempt: Promise<McpConnection> | undefined;
  #trying: Promise<void> | undefined;
  #isAway = false;
  #isListing = false;
  #isStale = false;
  /** What was last said to be amiss with the list. */
  #gaps = '';

  constructor({ config, log, retryPausesMs = usualPausesMs }: ServerLinkOptions) {
    this.config = config;
    this.#log = log.child({ mcpServer: config.name });
    this.#pausesMs = retryPausesMs;
  }

  /** What the server offers at the moment; nothing while it is away. */
  get tools(): readonly OfferedTool[] {
    return this.#tools;
  }

  /** Tells of changed tools, until the function that it returns is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to connect, unless it is connected or about to be. */
  connect(): void {
    if (this.#connection || this.#trying || this.#closing.signal.aborted) return;
    this.#trying = this.#keepTrying().finally(() => {
      this.#trying = undefined;
    });
  }

  /**
   * Calls a tool. A session that the server has lost is opened again, once.
   * @throws McpFault
   */
  async call(tool: string, input: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult> {
    const { timeoutMs } = this.config;
    const deadline = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    try {
      return await this.#callOnce(tool, input, either).catch((error: unknown) => {
        // Whatever did not know the session has not called the tool either.
        if (error instanceof McpFault && error.kind === 'lost') return this.#callOnce(tool, input, either);
        throw error;
      });
    } catch (error) {
      if (deadline.aborted && !signal.aborted) throw new McpFault('timeout', `no answer within ${timeoutMs} ms`);
      throw error;
    }
  }

  /** Ends the session and all that is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#listeners.clear();
    await Promise.all([this.#connection?.close(), this.#trying]);
  }

  async #callOnce(tool: string, input: Record<string, unknown>, signal: AbortSignal): Promise<CallToolResult> {
    const connection = this.#connection ?? (await this.#reconnected(signal));
    try {
      return await connection.call(tool, input, signal);
    } catch (error) {
      if (error instanceof McpFault && (error.kind === 'lost' || error.kind === 'unreachable')) this.#lost(connection);
      throw error;
    }
  }

  /** The connection that is being made; a server that is known to be away is not waited for. */
  async #reconnected(signal: AbortSignal): Promise<McpConnection> {
    this.connect();
    if (!this.#attempt) throw new McpFault('unreachable', 'away');
    const givenUp = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new McpFault('cancelled', 'given up')), { once: true });
    });
    return await Promise.race([this.#attempt, givenUp]);
  }

  #lost(connection: McpConnection): void {
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#connection = undefined;
    void connection.close();
    this.connect();
  }

  async #keepTrying(): Promise<void> {
    for (const pauseMs of [0, ...this.#pausesMs]) {
      if (pauseMs) await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      this.#attempt = this.#open();
      try {
        await this.#attempt;
        return;
      } catch (error) {
        this.#failed(error);
      } finally {
        this.#attempt = undefined;
      }
    }
  }

  async #open(): Promise<McpConnection> {
    const { signal } = this.#closing;
    // What the SDK takes to load is paid by calls that use it.
    const { McpConnection } = await import('./connection.ts');
    this.#isStale = false;
    let opened: McpConnection | undefined;
    const connection = await McpConnection.open(this.config, {
      signal,
      onToolsChanged: () => void this.#refresh(),
      onLost: () => opened && this.#lost(opened),
    });
    opened = connection;
    try {
      this.#offer(await connection.tools(signal));
    } catch (error) {
      await connection.close();
      throw error;
    }
    if (signal.aborted) {
      await connection.close();
      throw new McpFault('cancelled', 'given up');
    }
    this.#connection = connection;
    if (this.#isAway) this.#log.info('an MCP server is back, and so are its tools');
    this.#isAway = false;
    if (this.#isStale) void this.#refresh();
    return connection;
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (!this.#isAway) {
      const reason = error instanceof McpFault ? `${error.kind}: ${error.message}` : 'unknown';
      this.#log.warn({ reason }, 'an MCP server can not be used: the call goes on without its tools');
    }
    this.#isAway = true;
    this.#setTools([]);
  }

  /** Asks for the list once more; however often it changes meanwhile, it is asked for once after that. */
  async #refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#isListing) return;
    this.#isListing = true;
    while (this.#isStale && this.#connection) {
      this.#isStale = false;
      const connection = this.#connection;
      try {
        await sleep(listPauseMs, undefined, { signal: this.#closing.signal });
        const listed = await connection.tools(this.#closing.signal);
        if (connection === this.#connection) this.#offer(listed);
      } catch (error) {
        if (error instanceof McpFault && error.kind !== 'timeout') this.#lost(connection);
      }
    }
    this.#isListing = false;
  }

  #offer(listed: Parameters<typeof offerOf>[1]): void {
    const { tools, missing, leftOut } = offerOf(this.config, listed);
    const gaps = JSON.stringify([missing, leftOut]);
    if (gaps !== this.#gaps) {
      if (missing.length) this.#log.warn({ missing }, 'an MCP server does not have tools that it is to be used for');
      if (leftOut) this.#log.warn({ leftOut }, 'tools of an MCP server can not be used as they are described');
    }
    this.#gaps = gaps;
    this.#setTools(tools);
  }

  #setTools(tools: readonly OfferedTool[]): void {
    if (this.#closing.signal.aborted || isDeepStrictEqual(tools, this.#tools)) return;
    // What has not changed stays the same object: models are asked anew for every tool that is another one.
    this.#tools = tools.map((tool) => this.#tools.find((known) => isDeepStrictEqual(known, tool)) ?? tool);
    for (const listener of this.#listeners) listener();
  }
}
