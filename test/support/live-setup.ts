import type { TestProject } from 'vitest/node';
import { ensureLiveKit, type LiveKit, NoLiveKitError } from '../../scripts/livekit.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server the live tests share; null when there is no way to get one. */
    livekit: { url: string; apiKey: string; apiSecret: string } | null;
  }
}

/**
 * Starts the LiveKit server of the live tests. A server named in the environment is never used. Without any, the tests
 * are skipped with one line that says so, or fail under `REQUIRE_ALL=1`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: LiveKit | undefined;
  try {
    server = await ensureLiveKit({
      env: { ...process.env, LIVEKIT_URL: undefined },
      progress: (line) => process.stderr.write(`livekit: ${line}\n`),
    });
  } catch (error) {
    if (!(error instanceof NoLiveKitError) || process.env.REQUIRE_ALL === '1') throw error;
    process.stderr.write(`SKIPPED: the live tests. ${error.message}\n`);
  }
  project.provide('livekit', server ? { url: server.url, apiKey: server.apiKey, apiSecret: server.apiSecret } : null);
  return async () => server?.stop();
}
