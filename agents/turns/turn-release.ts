import { voice } from '@livekit/agents';
import type { CallSession } from '../call.ts';

/** What was said just before a button was let go is still on its way by then: in the microphone, the network and its buffers. */
const tailMs = 250;
/** So long final words of interim ones are waited for, as the framework does; after that, the interim ones are taken. */
const finalPatienceMs = 500;
/** And so long more words are, where those before are final: a recogniser has nothing to say of silence. */
const morePatienceMs = 200;

/** What a release of a turn acts on. */
interface TurnReleaseOptions {
  /** The turn is over: nothing more is to be heard of it. */
  stopHearing(): void;
  /** Asks the recogniser for a final transcript of what it was given. */
  requestFinal(): void;
}

/**
 * The end of a turn that its person ends: hears the last of it, has the recogniser make final words of it, and commits it.
 * Committed at once, a turn would be answered by its interim words, without the last of them.
 */
export class TurnRelease {
  readonly #session: CallSession;
  readonly #options: TurnReleaseOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the latest transcript was final, or nothing has been heard at all. */
  #isFinal = true;
  #onFinal: (() => void) | undefined;

  constructor(session: CallSession, options: TurnReleaseOptions) {
    this.#session = session;
    this.#options = options;
    session.on(voice.AgentSessionEventTypes.UserInputTranscribed, ({ isFinal }) => {
      this.#isFinal = isFinal;
      if (isFinal) this.#onFinal?.();
    });
    session.on(voice.AgentSessionEventTypes.Close, () => this.cancel());
  }

  /** Ends the turn, if it isn't being ended already. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.#finish(), tailMs);
  }

  /** @returns whether a turn was being ended, which now is not */
  cancel(): boolean {
    const wasEnding = this.#timer !== undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#onFinal = undefined;
    return wasEnding;
  }

  #finish(): void {
    // Read first: to the framework, nobody speaks who isn't heard.
    const isSpeaking = this.#session.userState === 'speaking';
    this.#options.stopHearing();
    if (this.#isFinal && !isSpeaking) {
      this.#commit();
      return;
    }
    this.#timer = setTimeout(() => this.#commit(), this.#isFinal ? morePatienceMs : finalPatienceMs);
    // Once the framework has taken the transcript in, which it does after it has told of it.
    this.#onFinal = () => queueMicrotask(() => this.#timer && this.#commit());
    this.#options.requestFinal();
  }

  #commit(): void {
    this.cancel();
    try {
      this.#session.commitUserTurn();
    } catch {
      // The call has ended meanwhile, with which the framework commits what was said by itself.
    }
  }
}
