import { voice } from '@livekit/agents';
import { isBackchannel } from '../../domain/backchannel.ts';
import type { CallSession } from '../call.ts';
import type { Playout } from './playout.ts';

const { AgentStateChanged, SpeechCreated, UserInputTranscribed, UserStateChanged } = voice.AgentSessionEventTypes;

/** A voice that says no words for so long is no interruption: a television, a hum, or a recogniser that is away. */
const wordlessMs = 2_000;

/** Where and how an agent gives way. */
export interface BargeInOptions {
  /** After it first speaks, an agent may hear itself for so long. */
  echoWarmupMs: number;
  /** Turns are taken by a button: a voice interrupts nobody. */
  manual: boolean;
  /** Told when an agent that was silenced goes on. */
  onResumed(): void;
}

/**
 * Silences an agent at the first sound of a voice, ends its reply for good at the first words, and has it go on where it was when
 * none came: after a cough, a "mhm", a noise. The framework would wait for half a second of sound, end a reply at the final
 * transcript only, and let the model and the voice work on for nobody until then.
 */
export class BargeIn {
  readonly #session: CallSession;
  readonly #options: BargeInOptions;
  #playout: Playout | undefined;
  #speech: voice.SpeechHandle | undefined;
  #deafUntilMs = Number.POSITIVE_INFINITY;
  /** The framework paused the reply by itself. */
  #paused = false;
  /** The person has spoken into a reply, or ahead of it, and speaks still. */
  #cutIn = false;
  /** A reply waits for what the voice turns out to be. */
  #silenced = false;
  #words = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(session: CallSession, options: BargeInOptions) {
    this.#session = session;
    this.#options = options;
    session.on(SpeechCreated, ({ speechHandle }) => {
      this.#speech = speechHandle;
    });
    session.on(AgentStateChanged, ({ oldState, newState }) => {
      if (newState === 'speaking') this.#deafUntilMs = Math.min(this.#deafUntilMs, Date.now() + options.echoWarmupMs);
      this.#paused = oldState === 'speaking' && newState === 'listening' && session.userState === 'speaking';
      this.#yieldIfMeant();
    });
    session.on(UserInputTranscribed, ({ transcript }) => {
      // Final ones too: some recognisers have no interim ones, and what the framework ends by itself then stays paused.
      this.#words = transcript.trim() !== '';
      this.#yieldIfMeant();
    });
    session.on(UserStateChanged, ({ newState }) => {
      this.#words = false;
      this.#cutIn = newState === 'speaking' && this.#mayCutIn();
      if (this.#cutIn) this.#giveWay();
      else this.#goOn();
    });
    session.on(voice.AgentSessionEventTypes.Close, () => this.#goOn());
  }

  /** From now on the agent is silenced here, once the session has begun. */
  silence(playout: Playout): void {
    this.#playout = playout;
  }

  /** Whether words only tell an agent that speaks, or was about to, to go on: "mhm". It does so at once. */
  isListening(text: string): boolean {
    const hasFloor = this.#paused || this.#session.agentState === 'speaking';
    if (!hasFloor || !isBackchannel(text)) return false;
    this.#goOn();
    return true;
  }

  #mayCutIn(): boolean {
    if (this.#options.manual || this.#speech?.allowInterruptions === false) return false;
    const { agentState } = this.#session;
    if (agentState === 'speaking') return Date.now() >= this.#deafUntilMs;
    // They had not finished: an answer to half of what they say is of no use.
    return agentState === 'thinking';
  }

  #giveWay(): void {
    this.#playout?.pause();
    this.#silenced = true;
    this.#patience = setTimeout(() => this.#goOn(), wordlessMs);
  }

  #goOn(): void {
    clearTimeout(this.#patience);
    if (!this.#playout?.paused) return;
    this.#playout.resume();
    // What was ended has nothing left to say.
    if (this.#silenced) this.#options.onResumed();
    this.#silenced = false;
  }

  #yieldIfMeant(): void {
    if (!this.#words || !(this.#paused || this.#cutIn)) return;
    clearTimeout(this.#patience);
    this.#cutIn = false;
    try {
      this.#session.interrupt();
      this.#silenced = false;
    } catch {
      // The reply is saving something by now: it goes on.
      this.#goOn();
    }
  }
}
