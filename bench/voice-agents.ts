import { AccessToken } from 'livekit-server-sdk';
import { phrases } from '../agents/turns/phrases.ts';
import type { Environment } from '../core/config/environment.ts';
import { newId, newRoomName } from '../core/ids.ts';
import type { TokenResponse } from '../domain/token.ts';
import { type Child, entry, freePort, startProcess } from '../scripts/processes.ts';
import type { Stack } from '../scripts/stack.ts';
import { signJoinToken } from '../services/join-tokens.ts';
import { installPeer, peerScript, peerVersion } from './voice-peers.ts';
import type { Entrance } from './voice-turns.ts';

/** What agents need of the stack they run beside. */
export type Surroundings = Pick<Stack, 'apiUrl' | 'developmentToken' | 'sandboxUrl' | 'workerPid'> & {
  livekit: Pick<Stack['livekit'], 'url' | 'apiKey' | 'apiSecret'>;
};

const tokenTtlSeconds = 3_600;

/** An agent that can be called. */
export interface RunningAgent {
  /** What it is, where that depends on what was installed. */
  version?: string;
  /** A way into a new room with it. Where a call has a process of its own, that one is started here. */
  enter(): Promise<Entrance>;
  /** The process groups it runs in. */
  groups(): number[];
  /** Ends its processes; they end with this one in any case. */
  stop(): Promise<void>;
}

/** An agent that the bench can start. */
export interface AgentKind {
  /** What decides that a turn is over. */
  endOfTurn: string;
  /** Why typed turns can't be measured. */
  withoutTyping?: string;
  start(stack: Surroundings, options: StartOptions): Promise<RunningAgent>;
}

export interface StartOptions {
  progress(line: string): void;
}

/** Peers that Parley is compared with, by the names that `--against` takes. */
export const peers = {
  'livekit-node': {
    endOfTurn: 'model on (LiveKit turn detector v1-mini, local), VAD',
    start: (stack) => startWorker(stack, nodeWorker('bare-agent')),
  },
  'livekit-node-vad': {
    endOfTurn: 'model off, VAD and 500 ms',
    start: (stack) => startWorker(stack, nodeWorker('bare-agent', { BENCH_TURN_DETECTION: 'vad' })),
  },
  'livekit-python': {
    endOfTurn: 'model on (LiveKit turn detector v1-mini, local), VAD',
    start: (stack, { progress }) => startLiveKitPython(stack, progress, {}),
  },
  'livekit-python-vad': {
    endOfTurn: 'model off, VAD and 500 ms',
    start: (stack, { progress }) => startLiveKitPython(stack, progress, { BENCH_TURN_DETECTION: 'vad' }),
  },
  pipecat: {
    endOfTurn: 'model on (smart-turn v3, local), VAD',
    withoutTyping: 'its LiveKit transport has no chat input',
    async start(stack, { progress }) {
      const python = await installPeer('pipecat', progress);
      const args = [peerScript('pipecat_agent.py')];
      const running = startPerCall(stack, { name: 'pipecat', command: python, args });
      return { ...running, version: await peerVersion('pipecat', python) };
    },
  },
} as const satisfies Record<string, AgentKind>;

export type PeerName = keyof typeof peers;

/** Parley's own worker, which the stack has started. */
export const parley: AgentKind = {
  endOfTurn: 'model off, open words (TURN_DETECTION=text)',
  async start(stack) {
    return {
      groups: () => [stack.workerPid],
      stop: async () => {},
      async enter() {
        const response = await fetch(`${stack.apiUrl}/api/v1/token`, {
          method: 'POST',
          headers: { authorization: `Bearer ${stack.developmentToken}` },
        });
        if (!response.ok) throw new Error(`the token endpoint answered ${response.status}`);
        const { server_url, participant_token } = (await response.json()) as TokenResponse;
        return { serverUrl: server_url, token: participant_token };
      },
    };
  },
};

/** The shortest loop over the same vendors. */
export const floor: AgentKind = {
  endOfTurn: 'none: every final transcript is answered',
  start: async (stack) => startPerCall(stack, { name: 'floor', ...entry('bench/floor-agent') }),
};

/** A bare worker that greets as Parley does. */
export const greeter: AgentKind = {
  ...peers['livekit-node'],
  start: (stack) => startWorker(stack, nodeWorker('bare-agent', { BENCH_GREETING: phrases.greeting.en(null) })),
};

/** Sends back what it hears. */
export const echo: AgentKind = {
  endOfTurn: 'none',
  start: (stack) => startWorker(stack, nodeWorker('echo-agent')),
};

interface WorkerProgram {
  agent: string;
  command: string;
  args: readonly string[];
  env: Environment;
  /** What it writes once LiveKit's server sends it calls, where its health server answers before that. */
  readyLine?: RegExp;
}

function nodeWorker(agent: 'echo-agent' | 'bare-agent', env: Environment = {}): WorkerProgram {
  return { agent, ...entry('bench/worker'), env: { ...env, NODE_ENV: 'production' } };
}

async function startLiveKitPython(
  stack: Surroundings,
  progress: StartOptions['progress'],
  env: Environment,
): Promise<RunningAgent> {
  const python = await installPeer('livekit-python', progress);
  const args = [peerScript('livekit_agent.py'), 'start'];
  // Its health server answers before LiveKit's server sends it calls.
  const readyLine = /registered worker/;
  const running = await startWorker(stack, { agent: 'livekit-python', command: python, args, env, readyLine });
  return { ...running, version: await peerVersion('livekit-python', python) };
}

/** A worker that LiveKit's server sends the calls to. */
async function startWorker(
  stack: Surroundings,
  { agent, command, args, env, readyLine }: WorkerProgram,
): Promise<RunningAgent> {
  const { url, apiKey, apiSecret } = stack.livekit;
  const port = await freePort();
  const worker = await startProcess({
    name: `the worker of ${agent}`,
    command,
    args,
    env: {
      ...inherited(),
      BENCH_AGENT: agent,
      WORKER_PORT: String(port),
      API_URL: stack.apiUrl,
      LIVEKIT_URL: url,
      LIVEKIT_API_KEY: apiKey,
      LIVEKIT_API_SECRET: apiSecret,
      SANDBOX_URL: stack.sandboxUrl,
      DEEPGRAM_API_KEY: 'stand-in',
      DEEPGRAM_BASE_URL: stack.sandboxUrl,
      ANTHROPIC_API_KEY: 'stand-in',
      ANTHROPIC_BASE_URL: stack.sandboxUrl,
      CARTESIA_API_KEY: 'stand-in',
      CARTESIA_BASE_URL: stack.sandboxUrl,
      ...env,
    },
    readyUrl: `http://127.0.0.1:${port}/`,
    readyLine,
    readyTimeoutMs: 60_000,
  });
  return {
    groups: () => [worker.pid],
    stop: () => worker.stop(),
    async enter() {
      // Its caller's arrival sends for it, as it sends for ours: neither has a start.
      const session = { userId: newId(), roomName: newRoomName(), agentName: agent, dispatchMetadata: '' };
      return { serverUrl: url, token: await signJoinToken({ livekit: stack.livekit, tokenTtlSeconds }, session, {}) };
    },
  };
}

/** A program that is started for each call. */
function startPerCall(
  stack: Surroundings,
  program: { name: string; command: string; args: readonly string[] },
): RunningAgent {
  const { url, apiKey, apiSecret } = stack.livekit;
  const children: Child[] = [];
  return {
    groups: () => children.map(({ pid }) => pid),
    async stop() {
      await Promise.all(children.map((child) => child.stop()));
    },
    async enter() {
      const room = newRoomName();
      const tokenFor = (identity: string, grants: { agent: boolean }) => {
        const token = new AccessToken(apiKey, apiSecret, {
          identity,
          // A program that knows nothing of LiveKit's attributes for agents is ready once it is in the room.
          ...(grants.agent && program.name !== 'floor' && { attributes: { 'lk.agent.state': 'listening' } }),
        });
        token.addGrant({ roomJoin: true, room, canPublish: true, canSubscribe: true, canUpdateOwnMetadata: true });
        if (grants.agent) token.kind = 'agent';
        return token.toJwt();
      };
      const child = await startProcess({
        ...program,
        env: {
          ...inherited(),
          NODE_ENV: 'production',
          LIVEKIT_URL: url,
          ROOM_NAME: room,
          ROOM_TOKEN: await tokenFor(program.name, { agent: true }),
          SANDBOX_URL: stack.sandboxUrl,
        },
      });
      children.push(child);
      return { serverUrl: url, token: await tokenFor('bench-caller', { agent: false }) };
    },
  };
}

function inherited(): Environment {
  return { PATH: process.env.PATH, HOME: process.env.HOME };
}
