import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SandboxLog } from './log.ts';
import type { SandboxSettings, Vendor } from './settings.ts';

/** What every stand-in is given. */
export interface StandInContext {
  log: SandboxLog;
  settings: SandboxSettings;
}

/**
 * One vendor's wire protocol. It answers what the real vendor answers, refuses what the real vendor refuses, and logs
 * whatever it was asked that it doesn't know as `unexpected-request`, which fails the test that caused it.
 */
export interface StandIn {
  vendor: Vendor;
  /** Whether a path of the shared server is this vendor's. */
  owns(path: string): boolean;
  /** Answers an HTTP request. */
  http(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  /** Answers a WebSocket upgrade, or refuses it over plain HTTP. Absent: this vendor has no WebSocket. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Cuts every open connection, as a vendor's restart does. Absent: this vendor keeps none. */
  dropConnections?(): void;
  /** Ends open connections and timers. */
  close(): void | Promise<void>;
}

/** Makes a stand-in; `connection` numbers and open sockets belong to the instance. */
export type StandInFactory = (context: StandInContext) => StandIn;
