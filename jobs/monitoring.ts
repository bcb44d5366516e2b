import { createServer, type Server } from 'node:http';
import { AppError } from '../core/errors.ts';
import { type Metrics, metricsContentType } from '../core/metrics.ts';

/** What the jobs' process answers with when it is asked how it is. */
export interface Monitored {
  /** Rejects while the process can't do its work. */
  ready(): Promise<void>;
  /** Brings the metrics up to date that are looked up; may reject. */
  measure(): Promise<void>;
  metrics: Metrics;
}

/** What monitoring listens on. */
export interface MonitoringServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves `GET /healthz` (200 while the process lives), `GET /readyz` (503 while it can't do its work) and `GET /metrics` for
 * Prometheus. What can't be looked up keeps its last value: a database that is away must not hide the rest.
 * @throws AppError `conflict` when the port is taken.
 */
export async function serveMonitoring(host: string, port: number, monitored: Monitored): Promise<MonitoringServer> {
  const server = createServer(async (request, response) => {
    const answer = await answerTo(request.url?.split('?')[0], monitored);
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/json' }).end(answer.body);
  });
  const ownPort = await listen(server, host, port);
  return {
    port: ownPort,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answerTo(
  path: string | undefined,
  { ready, measure, metrics }: Monitored,
): Promise<{ status: number; type?: string; body: string }> {
  const quietly = (work: Promise<void>) =>
    work.then(
      () => true,
      () => false,
    );
  switch (path) {
    case '/healthz':
      return { status: 200, body: '{"status":"ok"}' };
    case '/readyz':
      return (await quietly(ready()))
        ? { status: 200, body: '{"status":"ready"}' }
        : { status: 503, body: '{"status":"not ready"}' };
    case '/metrics':
      await quietly(measure());
      return { status: 200, type: metricsContentType, body: metrics.render() };
    default:
      return { status: 404, body: '{"status":"not found"}' };
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `Can't listen on ${host}:${port} (${error.code}): set JOBS_HOST and JOBS_PORT`;
      reject(new AppError('conflict', message, { cause: error }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
