import { voice } from '@livekit/agents';
import type { CallSession } from '../call.ts';
import { SpokenAgent } from './spoken-agent.ts';

const { AgentStateChanged, Close, ConversationItemAdded, UserStateChanged } = voice.AgentSessionEventTypes;

/** What the watch over the turns of a call needs. */
export interface TurnWatchOptions {
  /** From the end of a turn to a filler; 0 for none. */
  fillerAfterMs: number;
  /** From the end of a turn to `onSilence`; an agent may have less patience (`SpokenAgent.patienceMs`). */
  apologyAfterMs: number;
  /** A turn has had no answer at all for too long. Called once a turn. */
  onSilence(): void;
}

/** How long after the end of speech its words may come and still count from there. */
const latestWordsMs = 1_500;

interface OpenTurn {
  /** When the person stopped, epoch milliseconds. */
  endedAtMs: number;
  filled: boolean;
  /** How many tools are being waited for. */
  tools: number;
  timer: NodeJS.Timeout;
}

/**
 * Sees to it that nobody waits in silence: every turn that the session takes for answered is either heard to be answered, or
 * given a filler and then an apology.
 */
export class TurnWatch {
  readonly #session: CallSession;
  readonly #options: TurnWatchOptions;
  #turn: OpenTurn | undefined;
  #waiting: (() => void)[] = [];
  #person: voice.UserState = 'listening';

  constructor(session: CallSession, options: TurnWatchOptions) {
    this.#session = session;
    this.#options = options;
    session.on(ConversationItemAdded, ({ item }) => {
      if (item.type !== 'message' || item.role !== 'user') return;
      const stoppedAt = item.metrics?.stoppedSpeakingAt;
      // Words that come late, from a recogniser that was away, are not to be answered with an apology at once.
      this.#begin(Math.max(stoppedAt === undefined ? Date.now() : stoppedAt * 1_000, Date.now() - latestWordsMs));
    });
    session.on(AgentStateChanged, ({ newState }) => {
      // A filler is no answer yet.
      if (newState === 'speaking' && !this.#turn?.filled) this.#end();
    });
    session.on(UserStateChanged, ({ newState }) => {
      this.#person = newState;
    });
    session.on(Close, () => this.#end());
  }

  /**
   * Resolves with true when it is time to say that the answer takes a while, with false when there is no need any more. A reply
   * that is begun ahead of its turn waits for the turn.
   */
  async fillerDue(signal: AbortSignal): Promise<boolean> {
    const { fillerAfterMs } = this.#options;
    if (fillerAfterMs === 0) return false;
    while (!signal.aborted) {
      const turn = this.#turn;
      const leftMs = turn ? turn.endedAtMs + fillerAfterMs - Date.now() : Number.POSITIVE_INFINITY;
      if (turn?.filled) return false;
      if (turn && leftMs <= 0 && this.#person !== 'speaking') {
        turn.filled = true;
        return true;
      }
      await this.#change(signal, Math.max(leftMs, 50));
    }
    return false;
  }

  /** The first words of a reply are there; before a filler that alone is not enough, since they have to be heard. */
  replyBegun(): void {
    if (this.#turn?.filled) this.#end();
  }

  /**
   * A tool is being waited for, for so long at the most: `onSilence` is put off until there was time for an answer after it.
   * @returns what to call once the tool has answered
   */
  waitingFor(longestMs: number): () => void {
    const turn = this.#turn;
    if (!turn) return () => {};
    turn.tools += 1;
    this.#putOff(turn, longestMs);
    return () => {
      turn.tools -= 1;
      if (turn.tools === 0 && turn === this.#turn) this.#putOff(turn, 0);
    };
  }

  #putOff(turn: OpenTurn, byMs: number): void {
    clearTimeout(turn.timer);
    turn.timer = this.#silenceIn(byMs + this.#options.apologyAfterMs);
  }

  #begin(endedAtMs: number): void {
    this.#end();
    const { currentAgent: agent } = this.#session;
    const patienceMs = agent instanceof SpokenAgent ? agent.patienceMs : Number.POSITIVE_INFINITY;
    const inMs = Math.max(0, endedAtMs + Math.min(this.#options.apologyAfterMs, patienceMs) - Date.now());
    this.#turn = { endedAtMs, filled: false, tools: 0, timer: this.#silenceIn(inMs) };
    this.#tell();
  }

  #silenceIn(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      if (this.#turn?.timer !== timer) return;
      this.#end();
      this.#options.onSilence();
    }, ms);
    return timer;
  }

  #end(): void {
    clearTimeout(this.#turn?.timer);
    this.#turn = undefined;
    this.#tell();
  }

  /** Waits until turns begin or end, the signal is aborted, or a time is over. */
  #change(signal: AbortSignal, forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(forMs) ? setTimeout(() => done(), forMs) : undefined;
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
