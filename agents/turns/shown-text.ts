import { setTimeout as sleep } from 'node:timers/promises';
import type { CallSession } from '../call.ts';

/** Words of a voice that has ended follow it by no more than the time of the one that was due. */
const graceMs = 1_000;
const pollingIntervalMs = 20;

/** The framework's outputs, as far as they are reached here; none of them tells what went through it. */
interface TextOutput {
  nextInChain?: TextOutput;
  captureText(text: string | { text: string }): Promise<void>;
}

/** Knows the reply that is being spoken, and what the room's transcript shows of it: all, or what came before a voice broke off. */
export class ShownText {
  #reply = '';
  #shown = '';

  /** Listens to what a session writes into its room; the session must have been started. */
  follow(session: CallSession): void {
    let output = session.output.transcription as unknown as TextOutput | null | undefined;
    while (output?.nextInChain) output = output.nextInChain;
    if (!output) return;
    const captureText = output.captureText.bind(output);
    output.captureText = (text) => {
      this.show(typeof text === 'string' ? text : text.text);
      return captureText(text);
    };
  }

  /** A reply begins to be spoken. */
  begin(): void {
    this.#reply = '';
    this.#shown = '';
  }

  /** More of the reply is known. */
  extend(words: string): void {
    this.#reply += words;
  }

  /** The room was shown some text. */
  show(text: string): void {
    this.#shown += text;
  }

  /** Whether there are words to the reply. */
  get hasReply(): boolean {
    return this.#reply.trim() !== '';
  }

  /**
   * The end of the reply that was not shown: all of it, or nothing, where the whole was. Waits for words that are on their way
   * once the first of them were seen.
   */
  async missing(): Promise<string> {
    const deadlineMs = performance.now() + graceMs;
    let missing = this.#missing();
    while (missing && this.#shown && performance.now() < deadlineMs) {
      await sleep(pollingIntervalMs);
      missing = this.#missing();
    }
    return missing;
  }

  #missing(): string {
    const reply = this.#reply.trim();
    const shown = this.#shown.trim();
    return reply.startsWith(shown) ? reply.slice(shown.length).trim() : reply;
  }
}
