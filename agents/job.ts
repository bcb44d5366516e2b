import { defineAgent, inference, type VAD } from '@livekit/agents';
import { readPackAsset } from '../core/assets.ts';
import { loadWorkerConfig, type WorkerConfig } from '../core/config/worker.ts';
import { createLog, type Log } from '../core/log.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import { createPack } from '../domain/normalization/packs.ts';
import { VendorHealth } from '../providers/fallback/health.ts';
import { loadProviders, type Providers } from '../providers/index.ts';
import { Backend } from './backend.ts';
import { redactFrameworkLog } from './framework-log.ts';
import { runCall } from './session.ts';
import { closeSessionHost } from './session-host.ts';
import { openTelemetry } from './telemetry/job-telemetry.ts';
import { telemetryVariable } from './telemetry/reporter.ts';

/** What a job process makes ready before it has a call. */
interface Warm extends Record<string, unknown> {
  config: WorkerConfig;
  log: Log;
  vad: VAD;
  packs: Pack[];
  health: VendorHealth;
  providers: Providers;
}

let hasCall = false;

/** Ends this process with its worker as long as it has no call; the framework would notice after 15 s. */
function endWithWorker(): void {
  const end = () => {
    if (!hasCall) process.exit(0);
  };
  process.once('disconnect', end);
  if (!process.connected) end();
}

/** Entry of each job process: one call, one process, as the framework forks them. */
export default defineAgent<Warm>({
  async prewarm(process_) {
    endWithWorker();
    closeSessionHost();
    redactFrameworkLog();
    const config = loadWorkerConfig(process.env);
    // Loaded for those who have servers: every call pays for what it loads.
    if (config.mcpServers.length) await import('./mcp/connection.ts');
    Object.assign(process_.userData, {
      config,
      log: createLog('job', config.logLevel),
      vad: new inference.VAD({ model: 'silero' }),
      health: new VendorHealth(),
      providers: await loadProviders(config.vendors),
      packs: config.turns.packs.map((name) => createPack(name, readPackAsset)),
    } satisfies Warm);
  },
  async entry(ctx) {
    hasCall = true;
    const { config, log, vad, packs, health, providers } = ctx.proc.userData;
    const jobLog = log.child({ jobId: ctx.job.id });
    const telemetry = await openTelemetry(process.env[telemetryVariable], { health, config: config.openTelemetry });
    await runCall(ctx, {
      telemetry,
      backend: new Backend(config.apiUrl, jobLog),
      vendors: { config: config.vendors, health, providers },
      mcpServers: config.mcpServers,
      speechCacheDir: config.speechCacheDir,
      vad,
      packs,
      turns: config.turns,
      log: jobLog,
    });
  },
});
