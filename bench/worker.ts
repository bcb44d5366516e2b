import { fileURLToPath } from 'node:url';
import { AgentServer, initializeLogger, ServerOptions } from '@livekit/agents';
import { loadWorkerConfig } from '../core/config/worker.ts';
import { stopSignal } from '../core/lifecycle.ts';

/** Entry of a worker for one of the bench's agents: `BENCH_AGENT` names its file here, and is its agent name. */
async function main(): Promise<void> {
  const config = loadWorkerConfig(process.env);
  const agent = process.env.BENCH_AGENT ?? '';
  initializeLogger({ pretty: false, level: 'warn' });
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const server = new AgentServer(
    new ServerOptions({
      agent: fileURLToPath(new URL(`./${agent}.${ending}`, import.meta.url)),
      agentName: agent,
      wsURL: config.livekit.url,
      apiKey: config.livekit.apiKey,
      apiSecret: config.livekit.apiSecret,
      production: true,
      loadFunc: async () => 0,
      numIdleProcesses: 1,
      host: '127.0.0.1',
      port: config.port,
    }),
  );
  void server.run();
  await stopSignal();
  await server.close();
  process.exit(0);
}

await main();
