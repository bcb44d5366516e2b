import { defineAgent, inference, type VAD } from '@livekit/agents';
import { readPackAsset } from '../core/assets.ts';
import { loadWorkerConfig, type WorkerConfig } from '../core/config/worker.ts';
import { createLog, type Log } from '../core/log.ts';
import type { Pack } from '../domain/normalization/pack.ts';
import { createPack } from '../domain/normalization/packs.ts';
import { createLLM, createSTT, createTTS } from '../providers/index.ts';
import { Backend } from './backend.ts';
import { redactFrameworkLog } from './framework-log.ts';
import { runCall } from './session.ts';
import { closeSessionHost } from './session-host.ts';

/** What a job process makes ready before it has a call. */
interface Warm extends Record<string, unknown> {
  config: WorkerConfig;
  log: Log;
  vad: VAD;
  packs: Pack[];
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
  prewarm(process_) {
    endWithWorker();
    closeSessionHost();
    redactFrameworkLog();
    const config = loadWorkerConfig(process.env);
    Object.assign(process_.userData, {
      config,
      log: createLog('job', config.logLevel),
      vad: new inference.VAD({ model: 'silero' }),
      packs: config.turns.packs.map((name) => createPack(name, readPackAsset)),
    } satisfies Warm);
  },
  async entry(ctx) {
    hasCall = true;
    const { config, log, vad, packs } = ctx.proc.userData;
    const jobLog = log.child({ jobId: ctx.job.id });
    await runCall(ctx, {
      backend: new Backend(config.apiUrl, jobLog),
      createLLM: () => createLLM(config.vendors),
      createSpeech: () => ({
        stt: createSTT(config.vendors),
        tts: createTTS(config.vendors),
      }),
      vad,
      packs,
      turns: config.turns,
      log: jobLog,
    });
  },
});
