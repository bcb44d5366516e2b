import { randomUUID } from 'node:crypto';
import { APIConnectionError } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type { SegmentListener, SpokenSegment } from '../tts/segment-streams.ts';
import { isSpeakable, type Segment } from '../tts/segments.ts';
import { failureOf, isVendorsFault, toError } from './event.ts';
import { type Abandoned, Attempt } from './member.ts';
import { MemberSpeech, type SpeakerContext, type TtsAttempt } from './tts-member.ts';

/** A round over the members that failed sooner than this may be tried again; later, the listener has waited long enough. */
const retryWithinMs = 4_000;

/** One segment on its way to be spoken, by one member after another. How far it came outlives a round over them. */
export class SegmentSpeaker implements SpokenSegment {
  readonly #context: SpeakerContext;
  readonly #segment: Segment;
  readonly #listener: SegmentListener;
  readonly #segmentId = randomUUID();
  readonly #startedAtMs = performance.now();
  /** Length of the text that was spoken. */
  #spokenLength = 0;
  #wasHeard = false;
  #isEnded = false;

  constructor(context: SpeakerContext, segment: Segment, listener: SegmentListener) {
    this.#context = context;
    this.#segment = segment;
    this.#listener = listener;
  }

  /** Speaks what wasn't spoken yet; false when it was cut short. Throws an `APIError` when every member failed. */
  async speak(): Promise<boolean> {
    const { keys, health, onFallback } = this.#context;
    const { signal } = this.#listener;
    const first = await this.#segment.at(0);
    if (signal.aborted) return false;
    if (first === undefined || !isSpeakable(first)) return true;
    if (this.#context.isClosed()) {
      throw new APIConnectionError({ message: 'This voice was closed', options: { retryable: false } });
    }
    const errors: Error[] = [];
    const order = health.order(keys);
    for (const [index, key] of order.entries()) {
      const attempt: TtsAttempt = new Attempt(key);
      const to = order[index + 1] ?? null;
      const abandoned = await this.#have(attempt, to === null);
      if (signal.aborted || this.#context.isClosed()) return false;
      if (!abandoned) return true;
      this.#context.abandon(attempt);
      errors.push(abandoned.error);
      if (isVendorsFault(abandoned.error)) health.failed(key, abandoned.reason);
      const afterMs = performance.now() - attempt.startedAtMs;
      onFallback?.({ port: 'tts', from: key, to, reason: abandoned.reason, afterMs });
    }
    throw failureOf(errors, this.#wasHeard || performance.now() - this.#startedAtMs > retryWithinMs);
  }

  /** Has one member say what is left. Undefined when it did. */
  async #have(attempt: TtsAttempt, isLast: boolean): Promise<Abandoned | undefined> {
    const { health } = this.#context;
    let member: MemberSpeech;
    try {
      member = new MemberSpeech(this.#context, attempt, this.#segment, {
        signal: this.#listener.signal,
        from: this.#spokenLength,
        isLast,
        onText: () => this.#listener.onText(),
        onAudio: (frame, final) => this.#put(frame, final),
      });
    } catch (thrown) {
      return { reason: 'error', error: toError(thrown) };
    }
    const abandoned = await member.speak();
    this.#spokenLength += member.spokenLength;
    if (abandoned || this.#listener.signal.aborted || this.#context.isClosed()) return abandoned;
    if (member.wasAsked) health.succeeded(attempt.key);
    // The last frame went out unmarked when a voice failed after its last word: silence carries the mark.
    if (this.#wasHeard && !this.#isEnded) this.#put(member.silence(), true);
    return undefined;
  }

  #put(frame: AudioFrame, final: boolean): void {
    if (this.#listener.signal.aborted || this.#isEnded) return;
    this.#wasHeard = true;
    this.#isEnded = final;
    const id = this.#segmentId;
    this.#listener.onAudio({ requestId: id, segmentId: id, frame, final });
  }
}
