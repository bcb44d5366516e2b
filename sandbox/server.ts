import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { SandboxLog } from './log.ts';
import { delaysSchema, failureSchema, SandboxSettings, vendors } from './settings.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';

/** A running sandbox: every stand-in behind one loopback port, which is the base URL for each vendor's SDK. */
export interface Sandbox {
  url: string;
  log: SandboxLog;
  settings: SandboxSettings;
  close(): Promise<void>;
}

/**
 * Starts stand-ins on a loopback port. Besides the vendors' own paths it serves `GET /sandbox/log`,
 * `PUT /sandbox/delays`, `PUT /sandbox/failures` (body `{"deepgram": {"mode": "hang"}, "cartesia": null}`) and
 * `PUT /sandbox/connections` (body `{"deepgram": "drop"}`: cuts its open connections), so that another process can read
 * and steer it.
 */
export async function startSandbox(
  factories: readonly StandInFactory[],
  options: { port?: number; logFile?: string } = {},
): Promise<Sandbox> {
  const log = new SandboxLog(options.logFile);
  const settings = new SandboxSettings();
  const standIns = factories.map((create) => create({ log, settings }));
  const ownerOf = (request: IncomingMessage): StandIn | undefined => {
    const path = new URL(request.url ?? '/', 'http://sandbox').pathname;
    return standIns.find((standIn) => standIn.owns(path));
  };

  const server = createServer((request, response) => {
    const owner = ownerOf(request);
    const answer = owner ? owner.http(request, response) : control(request, response, { log, settings, standIns });
    Promise.resolve(answer).catch((error: unknown) => {
      log.add(owner?.vendor ?? 'deepgram', 'stand-in-failed', 0, { message: String(error) });
      response.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const owner = ownerOf(request);
    if (owner?.upgrade) owner.upgrade(request, socket, head);
    else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    settings,
    async close() {
      await Promise.all(standIns.map((standIn) => standIn.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads a whole request body as text. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Answers with a JSON document. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

const failuresSchema = z.partialRecord(z.enum(vendors), failureSchema.nullable());

const connectionsSchema = z.partialRecord(z.enum(vendors), z.literal('drop'));
const controls = ['/sandbox/delays', '/sandbox/failures', '/sandbox/connections'];

async function control(
  request: IncomingMessage,
  response: ServerResponse,
  { log, settings, standIns }: StandInContext & { standIns: readonly StandIn[] },
) {
  const path = new URL(request.url ?? '/', 'http://sandbox').pathname;
  if (request.method === 'GET' && path === '/sandbox/log') return sendJson(response, 200, log.events());
  if (request.method !== 'PUT' || !controls.includes(path)) {
    return sendJson(response, 404, { error: `no vendor and no control has ${request.method} ${path}` });
  }
  try {
    const body: unknown = JSON.parse(await readBody(request));
    if (path === '/sandbox/delays') settings.delays = delaysSchema.parse({ ...settings.delays, ...(body as object) });
    else if (path === '/sandbox/failures')
      for (const [vendor, failure] of Object.entries(failuresSchema.parse(body)))
        settings.setFailure(vendor as never, failure ?? null);
    else {
      const dropped = connectionsSchema.parse(body);
      for (const standIn of standIns) if (dropped[standIn.vendor]) standIn.dropConnections?.();
    }
    return sendJson(response, 200, settings.delays);
  } catch (error) {
    return sendJson(response, 400, { error: error instanceof Error ? error.message : 'bad body' });
  }
}
