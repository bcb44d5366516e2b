import { createServer, type Server } from 'node:http';
import { AppError } from '../core/errors.ts';

/** What the worker answers when asked how it is. */
export interface HealthState {
  /** Connected to LiveKit and taking calls. */
  ready(): Promise<boolean>;
  /** Calls in progress. */
  activeCalls(): number;
  /** The page of metrics, for Prometheus; absent where there is none. */
  metrics?: { contentType: string; render(): Promise<string> };
}

/**
 * Serves `GET /healthz` (200 as long as the process lives) and `GET /readyz` (503 while draining or not connected), both
 * with a small JSON body, and `GET /metrics`. The framework's own health page stays at 200 while it drains, so it is kept to loopback.
 * @throws AppError `conflict` when the port is taken.
 */
export async function serveHealth(host: string, port: number, state: HealthState): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/metrics' && state.metrics) {
      const page = await state.metrics.render();
      response.writeHead(200, { 'content-type': state.metrics.contentType }).end(page);
      return;
    }
    if (path !== '/healthz' && path !== '/readyz') {
      response.writeHead(404).end();
      return;
    }
    const ready = await state.ready().catch(() => false);
    response.writeHead(path === '/readyz' && !ready ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ready, activeCalls: state.activeCalls() }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} is in use: stop what listens there or set WORKER_PORT`;
      reject(error.code === 'EADDRINUSE' ? new AppError('conflict', taken, { cause: error }) : error);
    });
    server.listen(port, host, resolve);
  });
  return server;
}
