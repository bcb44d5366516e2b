import { AccessToken, RoomAgentDispatch, RoomServiceClient } from 'livekit-server-sdk';
import { newRoomName } from '../core/ids.ts';
import type { Releasers } from '../core/lifecycle.ts';
import { entry, freePort, startProcess } from '../scripts/processes.ts';
import type { Stack } from '../scripts/stack.ts';
import type { Entrance } from './voice-turns.ts';

/** Starts a worker for one of the bench's agents beside a running stack, and gives a way into a room with it. */
export async function startBenchAgent(
  agent: 'echo-agent' | 'bare-agent',
  stack: Stack,
  releasers: Releasers,
): Promise<Entrance> {
  const { url, apiKey, apiSecret } = stack.livekit;
  const port = await freePort();
  const worker = await startProcess({
    name: `the worker of the ${agent}`,
    ...entry('bench/worker'),
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      BENCH_AGENT: agent,
      WORKER_PORT: String(port),
      API_URL: stack.apiUrl,
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
      DEEPGRAM_API_KEY: 'stand-in',
      DEEPGRAM_BASE_URL: stack.sandboxUrl,
      ANTHROPIC_API_KEY: 'stand-in',
      ANTHROPIC_BASE_URL: stack.sandboxUrl,
      CARTESIA_API_KEY: 'stand-in',
      CARTESIA_BASE_URL: stack.sandboxUrl,
    },
    readyUrl: `http://127.0.0.1:${port}/`,
  });
  releasers.add(() => worker.stop());
  const room = newRoomName();
  await new RoomServiceClient(url, apiKey, apiSecret).createRoom({
    name: room,
    agents: [new RoomAgentDispatch({ agentName: agent })],
  });
  const token = new AccessToken(apiKey, apiSecret, { identity: 'bench-caller' });
  token.addGrant({ roomJoin: true, room, canPublish: true, canSubscribe: true });
  return { serverUrl: url, token: await token.toJwt() };
}
