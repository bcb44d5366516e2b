import type { llm, voice } from '@livekit/agents';
import type { OnboardingState } from '../domain/onboarding.ts';
import type { languages, Profile } from '../domain/profile.ts';
import type { Backend } from './backend.ts';

/** Names of the agents a call can be with. */
export type AgentName = 'concierge' | 'onboarding';

/** What every agent and tool of one call shares: the framework's `userData`. */
export interface Call {
  backend: Backend;
  profile: Profile;
  onboarding: OnboardingState;
  /** Language the agents speak of their own accord, before the person has said anything. */
  language: (typeof languages)[number];
  /** Makes an agent of the roster, so that agents can hand over without importing each other. */
  agent(name: AgentName, history?: llm.ChatContext): voice.Agent<Call>;
}

/** The framework's session, typed with what a call carries. */
export type CallSession = voice.AgentSession<Call>;
