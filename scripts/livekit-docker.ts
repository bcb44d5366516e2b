import { randomBytes } from 'node:crypto';
import type { LiveKitOptions } from './livekit.ts';
import { findOnPath, programVersion, runLong } from './livekit-programs.ts';
import { liveKitVersion, type ServerProgram } from './livekit-server.ts';

const image = `livekit/livekit-server:${liveKitVersion}`;

/**
 * The server in a container whose ports are published on loopback only. A `docker` on PATH proves nothing: the engine
 * has to answer, and the image has to be there or come.
 */
export async function serverInDocker({ env, progress }: LiveKitOptions): Promise<ServerProgram | string> {
  const docker = await findOnPath('docker', env);
  if (!docker) return 'docker is not on PATH';
  const version = await programVersion(docker, ['info', '--format', '{{.ServerVersion}}'], env);
  if (!version) return `${docker} finds no engine that answers`;
  if (!(await programVersion(docker, ['image', 'inspect', '--format', '{{.Id}}', image], env))) {
    try {
      const pull = { name: `pulling ${image}`, command: docker, args: ['pull', '--quiet', image], env };
      await runLong({ ...pull, timeoutMs: 10 * 60_000 }, progress);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  const name = `parley-livekit-${randomBytes(4).toString('hex')}`;
  return {
    origin: `${image} in Docker ${version}`,
    command: docker,
    container: {
      env,
      args: ({ http, udp }) => [
        ...['run', '--rm', '--name', name, '--env', 'LIVEKIT_CONFIG'],
        ...['--publish', `127.0.0.1:${http}:${http}`, '--publish', `127.0.0.1:${udp}:${udp}/udp`],
        image,
      ],
      // The client that was stopped by force leaves its container running.
      remove: async () => void (await programVersion(docker, ['rm', '--force', name], env)),
    },
  };
}
