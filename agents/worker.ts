import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import getPort from 'get-port';
import { RoomServiceClient } from 'livekit-server-sdk';
import type { LiveKitConfig } from '../core/config/livekit.ts';
import { loadWorkerConfig, type WorkerConfig } from '../core/config/worker.ts';
import { ConfigError } from '../core/errors.ts';
import { runProgram, stopSignal } from '../core/lifecycle.ts';
import { createLog, type Log } from '../core/log.ts';
import { tellAccepted } from './acceptance.ts';
import { Capacity } from './capacity.ts';
import { redactFrameworkLog } from './framework-log.ts';
import { serveHealth } from './health.ts';
import { TelemetryHub } from './telemetry/hub.ts';
import { telemetryVariable } from './telemetry/reporter.ts';

/** Variables that quietly switch the framework to LiveKit's cloud models or override what is configured here. */
const cloudSwitches = [
  'LIVEKIT_DEV_MODE',
  'LIVEKIT_INFERENCE_URL',
  'LIVEKIT_REMOTE_EOT_URL',
  'LIVEKIT_AGENT_NAME',
  'LIVEKIT_AGENT_NAME_OVERRIDE',
  'LIVEKIT_WORKER_TOKEN',
];

/** Without calls, closing takes longer only for processes that are warming up, and those end with this one. */
const idleCloseMs = 2_000;

/** Entry of the worker: registers with LiveKit, takes calls up to its cap, drains on SIGTERM. */
async function main(): Promise<void> {
  for (const name of cloudSwitches) delete process.env[name];
  const config = loadWorkerConfig(process.env);
  // By itself the framework looks every 20 ms, in two threads of each process: most of what one costs that waits for a call.
  process.env.LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS = String(config.eventLoopWarnMs);
  const log = createLog('worker', config.logLevel);
  redactFrameworkLog();
  initializeLogger({ pretty: false, level: 'warn' });
  await assertCredentials(config.livekit, log);

  const hub = await openHub(config.maxCalls, log);
  const { server, isConnected, activeCalls } = await createAgentServer(config, log);
  let draining = false;
  const health = await serveHealth(config.host, config.port, {
    ready: async () => !draining && (await isConnected()),
    activeCalls,
    metrics: hub,
  });
  const running = server.run();
  log.info({ agentName: config.agentName, maxCalls: config.maxCalls }, 'worker started');

  const signal = await Promise.race([stopSignal(), running.then(() => 'SIGTERM' as const)]);
  draining = true;
  log.info({ signal, activeCalls: activeCalls() }, 'draining');
  await drain(server, activeCalls, config.drainTimeoutMs);
  if (activeCalls() > 0) {
    log.warn({ activeCalls: activeCalls() }, 'calls were still running when draining timed out');
    await server.close();
  } else {
    await Promise.race([server.close(), sleep(idleCloseMs)]);
  }
  health.close();
  health.closeAllConnections();
  await hub?.close();
  log.info('worker stopped');
}

/** Where jobs bring their metrics, told to each of them by the environment they are started with. Calls go on without. */
async function openHub(maxCalls: number, log: Log): Promise<TelemetryHub | undefined> {
  try {
    const hub = await TelemetryHub.open({
      maxCalls,
      onFault: (fault) => log.warn({ fault }, 'a job told of itself wrongly'),
    });
    process.env[telemetryVariable] = hub.path;
    return hub;
  } catch (error) {
    delete process.env[telemetryVariable];
    log.error(
      { code: (error as NodeJS.ErrnoException).code },
      'there are no metrics: their socket could not be opened',
    );
    return undefined;
  }
}

/**
 * Takes no more calls and waits for the running ones to end. The framework's own wait is not enough: it fails at once while a
 * process of its pool has not been started yet, as after a burst of calls, and they would be cut off.
 */
async function drain(server: AgentServer, activeCalls: () => number, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  server.drain(timeoutMs).catch(() => undefined);
  while (activeCalls() > 0 && performance.now() < deadline) await sleep(200);
}

async function createAgentServer(config: WorkerConfig, log: Log) {
  const frameworkPort = await getPort({ host: '127.0.0.1' });
  const capacity = new Capacity(config.maxCalls);
  const runningIds = () => server.activeJobs.map(({ job }) => job.id);
  const server: AgentServer = new AgentServer(
    new ServerOptions({
      agent: fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './job.ts' : './job.js', import.meta.url)),
      agentName: config.agentName,
      wsURL: config.livekit.url,
      apiKey: config.livekit.apiKey,
      apiSecret: config.livekit.apiSecret,
      production: true,
      loadThreshold: 0.7,
      loadFunc: async () => capacity.load(runningIds()),
      requestFunc: async (request) => {
        const job = { jobId: request.job.id, roomName: request.job.room?.name ?? '' };
        if (!capacity.accept(job, runningIds())) return request.reject();
        void tellAccepted({ ...config, log }, job);
        await request.accept('Parley');
        capacity.launched(job.jobId);
      },
      numIdleProcesses: config.idleProcesses,
      drainTimeout: config.drainTimeoutMs,
      // A process told to stop while it warms up never hears of it; the longest end of a call takes 25 s.
      shutdownProcessTimeout: 30_000,
      // A LiveKit server that is away for long must not end the calls that are still up.
      maxRetry: 1_000_000,
      host: '127.0.0.1',
      port: frameworkPort,
    }),
  );
  // The framework's own page knows whether it is connected; it is the only one that does.
  const isConnected = async () => (await fetch(`http://127.0.0.1:${frameworkPort}/`)).ok;
  return { server, isConnected, activeCalls: () => capacity.count(runningIds()) };
}

/** Stops the start when LiveKit refuses the key; one that can't be reached yet is waited for by the framework. */
async function assertCredentials(livekit: LiveKitConfig, log: Log): Promise<void> {
  try {
    await new RoomServiceClient(livekit.url, livekit.apiKey, livekit.apiSecret).listRooms([]);
  } catch (error) {
    const status = (error as { status?: number }).status;
    if (status === 401 || status === 403) {
      throw new ConfigError([
        { field: 'LIVEKIT_API_KEY, LIVEKIT_API_SECRET', message: 'the LiveKit server at LIVEKIT_URL refuses them' },
      ]);
    }
    log.warn('LiveKit does not answer yet; the worker goes on trying');
  }
}

await runProgram(main);
