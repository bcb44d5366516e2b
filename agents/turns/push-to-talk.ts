import { type Room, RpcError, type RpcInvocationData } from '@livekit/rtc-node';
import type { CallSession } from '../call.ts';
import { TurnRelease } from './turn-release.ts';

/** Methods by which a client takes its turns itself, as LiveKit's examples name them, and puts the call on hold. */
export const turnMethods = ['start_turn', 'end_turn', 'cancel_turn', 'hold', 'resume'] as const;

type TurnMethod = (typeof turnMethods)[number];

/** Where turn methods act. */
export interface TurnMethodOptions {
  session: CallSession;
  room: Room;
  /** The one participant that may call them. */
  identity: string;
  /** Whether turns are taken by these methods alone: then nothing is heard between `end_turn` and `start_turn`. */
  manual: boolean;
  /** Asks the recogniser for a final transcript of what it was given. */
  requestFinal(): void;
}

/**
 * Registers the methods for LiveKit's RPC (https://docs.livekit.io/home/client/data/rpc/). `start_turn` silences the agent and
 * listens, `end_turn` has it answer, `cancel_turn` forgets what was said since; one that starts again while the last of a turn is
 * still on its way goes on with that turn. `hold` stops hearing and speaking until `resume`.
 * Others than the person of the call are refused, and so are the methods of turns in a call whose turns are found by listening.
 */
export function registerTurnMethods({ session, room, identity, manual, requestFinal }: TurnMethodOptions): void {
  let held = false;
  const hear = (on: boolean) => session.input.setAudioEnabled(on && !held);
  const release = new TurnRelease(session, { stopHearing: () => hear(false), requestFinal });
  const silence = () => {
    try {
      session.interrupt();
    } catch {
      // Speech that may not be interrupted goes on.
    }
  };
  const turns: Record<TurnMethod, () => void> = {
    start_turn() {
      if (!release.cancel()) {
        silence();
        session.clearUserTurn();
      }
      hear(true);
    },
    end_turn() {
      release.begin();
    },
    cancel_turn() {
      release.cancel();
      hear(false);
      session.clearUserTurn();
    },
    hold() {
      held = true;
      release.cancel();
      silence();
      session.clearUserTurn();
      session.input.setAudioEnabled(false);
      session.output.setAudioEnabled(false);
    },
    resume() {
      held = false;
      session.output.setAudioEnabled(true);
      hear(!manual);
    },
  };
  for (const method of turnMethods) {
    room.localParticipant?.registerRpcMethod(method, async ({ callerIdentity }: RpcInvocationData) => {
      if (callerIdentity !== identity) throw refused('Only the person of the call may do this');
      if (method.endsWith('_turn') && !manual) {
        throw refused('Turns of this call are found by listening: ask for the turn detection "manual" when it begins');
      }
      turns[method]();
      return '{}';
    });
  }
  if (manual) hear(false);
}

function refused(message: string): RpcError {
  return new RpcError(RpcError.ErrorCode.APPLICATION_ERROR, message);
}
