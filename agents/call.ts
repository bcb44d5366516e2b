import type { llm, voice } from '@livekit/agents';
import type { Recovery } from '../domain/conversation.ts';
import type { OnboardingState } from '../domain/onboarding.ts';
import { languages, type Profile } from '../domain/profile.ts';
import type { FirstAgent } from '../domain/session.ts';
import type { Backend } from './backend.ts';
import type { Stopwatch } from './telemetry/waterfall.ts';
import type { LineCache } from './turns/line-cache.ts';
import { isSameLanguage, type NormalizedText, type NormalizedTranscript } from './turns/normalize.ts';
import type { ShownText } from './turns/shown-text.ts';
import type { ThinkingPauses } from './turns/thinking-pauses.ts';
import type { Transcript } from './turns/transcripts.ts';
import type { Vocabulary } from './turns/vocabulary.ts';
import type { TurnWatch } from './turns/watchdog.ts';

/** Names of the agents a call can be with: it can begin with each. */
export type AgentName = FirstAgent;

/** An agent that takes what people say for itself, instead of having a model answer it. */
export interface Listener {
  /** Each final transcript, as it comes. */
  heard(transcript: NormalizedTranscript): void;
  /** A typed message, which is a turn by itself. */
  typed(message: NormalizedText): void;
}

/** What every agent and tool of one call shares: the framework's `userData`. */
export interface Call {
  backend: Backend;
  profile: Profile;
  onboarding: OnboardingState;
  /** Language the agents speak of their own accord, before the person has said anything. */
  language: Language;
  /** BCP 47 tag of what the person said last; empty until a recogniser has named one. */
  heardLanguage: string;
  vocabulary: Vocabulary;
  /** Set while an agent takes for itself what is said. */
  listener?: Listener;
  /** Recordings of the lines that repeat. */
  lines?: LineCache;
  /** Whether what is said goes on with what was said before. */
  pauses?: ThinkingPauses;
  /** Measures the replies. */
  stopwatch?: Stopwatch;
  /** Sees to it that no turn meets silence. */
  watch?: TurnWatch;
  /** The reply that is being spoken, and what the room was shown of it. */
  shown: ShownText;
  /** Tells the client, the metrics and the log how a call has gone on. */
  recovered(recovery: Recovery): void;
  /** Sends a message to the person's client, as JSON on a topic. */
  tell(topic: string, message: unknown): void;
  /** Keeps a turn of the person's that is not answered. */
  keepTurn(turn: Transcript): void;
  /** Makes an agent of the roster, so that agents can hand over without importing each other. */
  agent(name: AgentName, history?: llm.ChatContext): voice.Agent<Call>;
}

type Language = (typeof languages)[number];

/** The language to speak in: the one the person spoke last, if agents know it. */
export function languageOf({ heardLanguage, language }: Call): Language {
  return languages.find((known) => isSameLanguage(known, heardLanguage)) ?? language;
}

/** The framework's session, typed with what a call carries. */
export type CallSession = voice.AgentSession<Call>;
