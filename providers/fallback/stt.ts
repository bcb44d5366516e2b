import { type APIConnectOptions, DEFAULT_API_CONNECT_OPTIONS, stt } from '@livekit/agents';
import { type Attempt, Attempts, checkMembers, type FallbackOptions, watchMembers } from './member.ts';
import { FallbackSpeechStream } from './stt-stream.ts';

/** What `FallbackSTT` is made of. */
export interface FallbackSTTOptions extends FallbackOptions {
  /**
   * In the order in which they are preferred. They belong to the composite and are closed with it, and must not retry by
   * themselves.
   */
  members: readonly { key: string; stt: stt.STT }[];
  /** What members are given to connect, unless they know better (default 3 s). */
  connectTimeoutMs?: number;
  /** How long somebody may speak without a word being recognised (default 3 s). */
  stallTimeoutMs?: number;
  /**
   * Whether a stream outlives an outage of all members (default). It then tries again and again, with pauses of up to 5 s, and
   * tells of it by recoverable `error` events. Otherwise it fails like any recogniser's, and the framework retries.
   */
  keepTrying?: boolean;
}

/**
 * Several recognisers as one. One stream of one member is live at a time; where it fails, or hears nobody while somebody speaks,
 * the next is given the audio that no final transcript covers. Between utterances it returns to the preferred one that is well.
 */
export class FallbackSTT extends stt.STT {
  label = 'fallback.STT';
  readonly #options: FallbackSTTOptions;
  readonly #attempts = new Attempts<Attempt>();
  readonly #streams = new Set<FallbackSpeechStream>();
  readonly #endWatch: () => void;
  #answering: stt.STT;

  /** @throws Error when there is no member, two of one key, or one that recognises no streams. */
  constructor(options: FallbackSTTOptions) {
    const { members, health } = options;
    checkMembers(
      'FallbackSTT',
      members.map(({ key }) => key),
    );
    super(sharedCapabilities(members.map((member) => [member.key, member.stt.capabilities])));
    this.#options = options;
    this.#answering = (members[0] as { stt: stt.STT }).stt;
    this.#endWatch = watchMembers(
      health,
      members.map((member) => [member.key, member.stt]),
    );
    for (const member of members) member.stt.on('error', this.#onError);
  }

  /** Of the member that is listening. */
  override get model(): string {
    return this.#answering.model;
  }

  /** Of the member that is listening. */
  override get provider(): string {
    return this.#answering.provider;
  }

  override stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const { members, connectTimeoutMs = 3_000, stallTimeoutMs = 3_000, keepTrying = true } = this.#options;
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const stream = new FallbackSpeechStream(this, connOptions, {
      keys: members.map(({ key }) => key),
      health: this.#options.health,
      stallTimeoutMs,
      keepTrying,
      onFallback: this.#options.onFallback,
      open: (attempt) => {
        const member = members.find(({ key }) => key === attempt.key) as { stt: stt.STT };
        this.#answering = member.stt;
        const patience = { ...connOptions, maxRetry: 0, timeoutMs: connectTimeoutMs };
        return {
          stream: this.#attempts.run(attempt, () => member.stt.stream({ connOptions: patience })),
          givesInterims: member.stt.capabilities.interimResults,
        };
      },
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Terms to expect, for all members that take any. */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    for (const member of this.#options.members) {
      if (member.stt.capabilities.keyterms) member.stt._updateSessionKeyterms(keyTerms);
    }
  }

  override _pushConversationItem(...item: Parameters<stt.STT['_pushConversationItem']>): void {
    for (const member of this.#options.members) {
      if (member.stt.capabilities.chatContext) member.stt._pushConversationItem(...item);
    }
  }

  /** Has the members connect early that can. */
  prewarm(): void {
    for (const { stt: member } of this.#options.members) {
      if ('prewarm' in member && typeof member.prewarm === 'function') member.prewarm();
    }
  }

  override async close(): Promise<void> {
    this.#endWatch();
    for (const stream of this.#streams) stream.close();
    await Promise.all(this.#options.members.map((member) => member.stt.close()));
    for (const member of this.#options.members) member.stt.off('error', this.#onError);
  }

  protected override async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('FallbackSTT recognises streams only: use stream()');
  }

  // Not passed on: what becomes of a stream is told by the composite's own error, of a member by `onFallback`.
  #onError: stt.STTCallbacks['error'] = ({ error }) => {
    const attempt = this.#attempts.current;
    if (attempt) attempt.error = error;
  };
}

/** What may be counted on whoever is listening. Key terms and context are of use wherever one member takes them. */
function sharedCapabilities(members: readonly (readonly [string, stt.STTCapabilities])[]): stt.STTCapabilities {
  const whole = members.find(([, { streaming }]) => !streaming);
  if (whole) throw new Error(`FallbackSTT needs members that recognise streams: ${whole[0]} does not`);
  const all = members.map(([, capabilities]) => capabilities);
  const alignments = all.map(({ alignedTranscript }) => alignedTranscript ?? false);
  const alignedByWord = alignments.every((alignment) => alignment === 'word');
  return {
    streaming: true,
    interimResults: all.every(({ interimResults }) => interimResults),
    alignedTranscript: alignedByWord ? 'word' : alignments.every(Boolean) ? 'chunk' : false,
    diarization: all.every(({ diarization }) => diarization),
    keyterms: all.some(({ keyterms }) => keyterms),
    chatContext: all.some(({ chatContext }) => chatContext),
  };
}
