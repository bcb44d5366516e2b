import { voice } from '@livekit/agents';
import type { Log } from '../../core/log.ts';
import type { Recovery } from '../../domain/conversation.ts';
import { type Call, type CallSession, languageOf } from '../call.ts';
import { phrases } from './phrases.ts';
import { SpokenAgent } from './spoken-agent.ts';

const { Error: Failed, SpeechCreated, UserTranscriptionTimeout } = voice.AgentSessionEventTypes;

/** Shorter sounds without words are no speech worth an apology. */
const shortestSpeechMs = 1_000;

/** Where apologies go besides the voice. */
export interface ApologyOptions {
  log: Log;
  /** Tells the client, the metrics and the log. */
  recovered(recovery: Recovery): void;
  /** Writes a line into the transcript of the room, for an answer that can't be spoken. */
  write(text: string): void;
}

/**
 * Says so when a caller would meet silence: a reply that failed, which the framework tells nobody but its `error` event, speech
 * that gave no words within the session's `transcriptionTimeout`, and an answer that no voice can speak, which is written. An agent
 * that can answer a turn without a model does that instead.
 */
export class Apologies {
  readonly #session: CallSession;
  readonly #call: Call;
  readonly #options: ApologyOptions;
  #failedReplies = 0;
  #failedVoices = 0;
  #isRecorded = false;

  constructor(session: CallSession, call: Call, options: ApologyOptions) {
    this.#session = session;
    this.#call = call;
    this.#options = options;
    session.on(Failed, ({ error }) => this.#count(error as { type?: string; label?: string; recoverable?: boolean }));
    session.on(SpeechCreated, ({ speechHandle, source }) => this.#watch(speechHandle, source));
    session.on(UserTranscriptionTimeout, ({ speechDuration }) => {
      if (speechDuration < shortestSpeechMs) return;
      options.recovered({ kind: 'not-heard' });
      this.#say('notHeard');
    });
  }

  /** A turn got no answer for too long: what is still being waited for is given up. */
  silence(): void {
    try {
      this.#session.interrupt();
    } catch {
      // The reply is saving something: it has to end by itself.
      return;
    }
    this.#withoutAnswer();
  }

  #count({ type, label, recoverable }: { type?: string; label?: string; recoverable?: boolean }): void {
    this.#options.log.warn({ failure: type, provider: label, recoverable }, 'a provider failed');
    if (recoverable) return;
    if (type === 'llm_error') this.#failedReplies += 1;
    if (type === 'tts_error') this.#failedVoices += 1;
  }

  #watch(speech: voice.SpeechHandle, source: voice.SpeechCreatedEvent['source']): void {
    if (this.#isRecorded) return;
    const before = { replies: this.#failedReplies, voices: this.#failedVoices };
    // Not at the failure: a reply begun ahead of the end of its turn fails before it, and that end would cut this off.
    speech.addDoneCallback(({ interrupted }) => {
      if (interrupted) return;
      if (this.#failedVoices > before.voices) void this.#writeInstead();
      else if (this.#failedReplies > before.replies && source === 'generate_reply') this.#withoutAnswer();
    });
  }

  /** No model answers this turn. An agent that knows how to goes on by itself. */
  #withoutAnswer(): void {
    const { currentAgent } = this.#session;
    if (currentAgent instanceof SpokenAgent && currentAgent.goOnWithoutModel()) {
      this.#options.recovered({ kind: 'by-rule' });
      return;
    }
    this.#options.recovered({ kind: 'apology' });
    this.#say('noAnswer');
  }

  async #writeInstead(): Promise<void> {
    this.#options.recovered({ kind: 'text-only' });
    const { lines, shown } = this.#call;
    const language = languageOf(this.#call);
    const missing = shown.hasReply ? await shown.missing() : phrases.noAnswer[language];
    if (missing) this.#options.write(missing);
    // Only a recording can be heard now.
    if (lines?.frames(phrases.noVoice[language])) this.#say('noVoice');
  }

  #say(phrase: 'noAnswer' | 'noVoice' | 'notHeard'): void {
    const line = phrases[phrase][languageOf(this.#call)];
    // Nothing that fails meanwhile is about a recording.
    this.#isRecorded = this.#call.lines?.frames(line) !== undefined;
    this.#session.say(line, { addToChatCtx: false });
    this.#isRecorded = false;
  }
}
