import { type llm, voice } from '@livekit/agents';
import type { Recovery } from '../../domain/conversation.ts';
import type { VendorHealth } from '../../providers/fallback/health.ts';
import type { Probed } from '../../providers/probe.ts';
import type { AgentName, CallSession } from '../call.ts';
import type { AgentOptions, SpokenAgent } from './spoken-agent.ts';

/** A speech-to-speech model that a call may go through. */
export interface RealtimeMember {
  /** `realtime:openai`. */
  key: string;
  model: llm.RealtimeModel & Probed;
}

/** What decides on the way of a call. */
export interface SpeechRouteOptions {
  /** In the order in which they are preferred; the pipeline of recogniser, model and voice stands behind them. */
  members: readonly RealtimeMember[];
  health: VendorHealth;
  /** Makes an agent that goes on where another one of its name was. */
  agent(name: AgentName, options: AgentOptions): SpokenAgent;
  recovered(recovery: Recovery): void;
}

/** Agents that write down what they hear: they need a recogniser, and no model answers. */
const pipelineAgents: ReadonlySet<AgentName> = new Set(['dictation']);

/**
 * The way that speech takes in a call: through one speech-to-speech model after another, and through the pipeline where none
 * works. A change of way hands the call from the agent to its own successor with the whole conversation; a turn that got no
 * answer is answered by the next way. Back to a better way goes the call between two turns, once its vendor is well.
 */
export class SpeechRoute {
  readonly #options: SpeechRouteOptions;
  #session: CallSession | undefined;
  #member: RealtimeMember | undefined;

  constructor(options: SpeechRouteOptions) {
    this.#options = options;
    this.#member = this.#best();
  }

  /** What an agent is made of on the present way. */
  agentOptions(name: AgentName): AgentOptions {
    if (!this.#member || pipelineAgents.has(name)) return {};
    return { llm: this.#member.model, stt: null, vad: null, turnDetection: 'realtime_llm' };
  }

  /** Whether the agent of a call is answered for by a speech-to-speech model. */
  get isRealtime(): boolean {
    return this.#member !== undefined;
  }

  /** Follows a session from its start to its end. */
  follow(session: CallSession): void {
    const { members, health } = this.#options;
    if (!members.length) return;
    this.#session = session;
    const { AgentStateChanged, Close, Error: Failed, UserStateChanged } = voice.AgentSessionEventTypes;
    const unwatch = members.map(({ key, model }) => health.watch(key, model));
    // Not of a failure: whoever met it is about to leave, and must say so first.
    const unlisten = health.onChange(({ well }) => {
      if (well) this.#returnWhenQuiet();
    });
    session.on(Failed, (event) => {
      const error = event.error as { type?: string; recoverable: boolean };
      if (error.type !== 'realtime_model_error' || error.recoverable) return;
      // The framework looks at it after us, and would end the call.
      error.recoverable = true;
      this.leave('error');
    });
    session.on(AgentStateChanged, () => this.#returnWhenQuiet());
    session.on(UserStateChanged, () => this.#returnWhenQuiet());
    session.on(Close, () => {
      unlisten();
      for (const end of unwatch) end();
    });
  }

  /**
   * Gives the present way up: its model failed, or let a turn go unanswered. The next way answers the turn that was open.
   * @returns whether there was another way
   */
  leave(reason: 'error' | 'timeout'): boolean {
    if (!this.#member || !this.#session) return false;
    const { key } = this.#member;
    this.#options.health.failed(key, reason);
    const next = this.#best();
    this.#options.recovered({ kind: 'fallback', port: 'realtime', from: key, to: next?.key ?? null, reason });
    this.#change(next);
    const last = this.#session.history.items.findLast((item) => item.type === 'message');
    if (last?.type === 'message' && last.role === 'user') this.#session.generateReply();
    return true;
  }

  #best(): RealtimeMember | undefined {
    return this.#options.members.find(({ key }) => this.#options.health.isWell(key));
  }

  #returnWhenQuiet(): void {
    const session = this.#session;
    const best = this.#best();
    if (!session || !best || best === this.#member) return;
    if (session.agentState !== 'listening' || session.userState === 'speaking') return;
    this.#change(best);
  }

  #change(member: RealtimeMember | undefined): void {
    const session = this.#session as CallSession;
    const wasRealtime = this.isRealtime;
    this.#member = member;
    if (wasRealtime !== this.isRealtime) this.#options.recovered({ kind: 'modality' });
    const name = session.currentAgent.id as AgentName;
    if (pipelineAgents.has(name)) return;
    const chatCtx = session.currentAgent.chatCtx.copy({ excludeInstructions: true });
    session.updateAgent(this.#options.agent(name, { chatCtx, resumed: true, ...this.agentOptions(name) }));
  }
}
