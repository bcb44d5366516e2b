import { loadWorkerConfig } from '../../core/config/worker.ts';
import { ConfigError } from '../../core/errors.ts';

/** The least that a worker needs to know. */
export const workerEnv = {
  LIVEKIT_URL: 'ws://localhost:7880',
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'a-secret-of-at-least-thirty-two-characters',
  API_URL: 'http://localhost:3000',
  DEEPGRAM_API_KEY: 'd',
  ANTHROPIC_API_KEY: 'a',
  CARTESIA_API_KEY: 'c',
};

/** What is wrong with a worker's further variables, by their name; nothing where it would start. */
export function workerFaultsOf(env: Record<string, string | undefined>): Record<string, string> {
  try {
    loadWorkerConfig({ ...workerEnv, ...env });
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.faults.map((fault) => [fault.field, fault.message]));
  }
  return {};
}
