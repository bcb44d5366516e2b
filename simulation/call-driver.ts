import { setTimeout as sleep } from 'node:timers/promises';
import { type Recovery, topics } from '../domain/conversation.ts';
import { type Background, Caller, epochMs } from '../scripts/caller.ts';
import { noiseBackground, utterance, withPause } from './audio.ts';
import { type LossyNetwork, openLossyNetwork } from './lossy-network.ts';
import { readPattern } from './pattern.ts';
import type { ModelAccess, Persona } from './persona.ts';
import type { Noise, Scenario, Step } from './scenario.ts';
import { eventsOf, type Span, type TimelineEvent, transcriptOf, voicedSpans } from './timeline.ts';

/** What a caller's process is asked to do. */
export interface CallOrder {
  scenario: Scenario;
  serverUrl: string;
  token: string;
  /** The stand-ins; absent when every vendor is real. */
  sandboxUrl?: string;
  model?: ModelAccess;
}

/** What it tells. */
export type CallMessage =
  | { type: 'started'; startedAtMs: number }
  | { type: 'event'; event: TimelineEvent }
  | { type: 'heard'; heard: Span[] };

/** How long one answer may take. */
const answerTimeoutMs = 20_000;
/** This much silence after a reply means that it is over. */
const silenceMs = 700;
/** Reports follow the answers they are about. */
const reportGraceMs = 1_000;
/** A second of audio in one direction; finding a way alone takes fewer packets. */
const leastMediaPackets = 50;
const pollMs = 20;
const frameMs = 10;

/** Holds one call: does what a persona decides, and tells all that happens. */
export class CallDriver {
  readonly #order: CallOrder;
  readonly #tell: (message: CallMessage) => void;
  readonly #startedAtMs = epochMs();
  readonly #events: TimelineEvent[] = [];
  readonly #caller: Caller;
  #network: LossyNetwork | undefined;
  #state = '';
  #isOver = false;

  constructor(order: CallOrder, tell: (message: CallMessage) => void) {
    this.#order = order;
    this.#tell = tell;
    tell({ type: 'started', startedAtMs: this.#startedAtMs });
    const { noise } = order.scenario;
    this.#caller = new Caller(
      {
        shown: ({ speaker, text, firstTextAtMs }) => {
          if (speaker !== 'agent' || !text.trim()) return;
          this.#add({ type: 'shown', atMs: firstTextAtMs - this.#startedAtMs, text: text.trim() });
        },
        detail: ({ raw, text, typed }) => this.#add({ type: 'understood', atMs: this.#now(), raw, text, typed }),
        report: (report) => this.#add({ type: 'report', atMs: this.#now(), report }),
        note: () => this.#add({ type: 'note', atMs: this.#now() }),
        state: (state) => {
          this.#state = state;
          this.#add({ type: 'state', atMs: this.#now(), state });
        },
      },
      noise && noiseBackground(noise),
    );
    this.#caller.room.registerTextStreamHandler(topics.recovery, async (reader) => {
      // One who leaves in the middle of a message doesn't get the rest.
      const message = await reader.readAll().catch(() => undefined);
      if (message === undefined) return;
      this.#add({ type: 'recovery', atMs: this.#now(), recovery: JSON.parse(message) as Recovery });
    });
  }

  /** The whole call, to the end of the script or to where it can't go on. */
  async hold(persona: Persona): Promise<void> {
    try {
      await this.#join();
      for (;;) {
        const step = await persona.next(transcriptOf({ events: this.#events }));
        if (!step || step.hang_up || this.#isOver) break;
        await this.#take(step, persona.interruptsNext());
      }
      await sleep(reportGraceMs);
    } catch (error) {
      if (!this.#isOver) this.stuck(error instanceof Error ? error.message : String(error));
    }
  }

  /** Notes that the script can't go on. */
  stuck(message: string): void {
    this.#isOver = true;
    this.#add({ type: 'stuck', atMs: this.#now(), message });
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    this.#add({ type: 'left', atMs: this.#now() });
    const counts = this.#network?.counts();
    if (counts) this.#add({ type: 'network', atMs: this.#now(), ...counts });
    if (counts && this.#order.scenario.modality === 'voice' && counts.forwarded < leastMediaPackets) {
      this.stuck(`only ${counts.forwarded} packets took the lossy network: the server was reached past it`);
    }
    const voiced = this.#caller.heard.voicedAtMs.map((atMs) => atMs - this.#startedAtMs);
    this.#tell({ type: 'heard', heard: voicedSpans(voiced, frameMs) });
    await this.#caller.leave();
    this.#network?.close();
  }

  async #join(): Promise<void> {
    const { scenario, serverUrl, token } = this.#order;
    if (scenario.network) this.#network = await openLossyNetwork(serverUrl, scenario.network);
    const microphone = scenario.modality === 'voice';
    await this.#caller.join(this.#network?.serverUrl ?? serverUrl, token, { microphone });
    await this.#caller.waitForAgent(answerTimeoutMs);
    await this.#until(() => eventsOf({ events: this.#events }, 'shown').length > 0, 'the agent did not greet');
    await this.#quiet();
    this.#add({ type: 'joined', atMs: this.#now() });
  }

  async #take(step: Step, isInterrupted: boolean): Promise<void> {
    const awaited = step.answer && !isInterrupted;
    if (step.say) return await this.#speak([step.say], { step, awaited });
    if (step.pause) {
      const { first, pause_ms: pauseMs, second } = step.pause;
      return await this.#speak([first, second], { step, awaited, pauseMs });
    }
    if (step.interrupt) {
      const { after_ms: afterMs, say } = step.interrupt;
      const sinceMs = epochMs();
      const heardMs = () => this.#caller.voicedMsBetween(sinceMs, epochMs());
      await this.#until(() => heardMs() > afterMs, 'there was no answer to interrupt');
      return await this.#speak([say], { step, awaited, interrupts: true });
    }
    if (step.type) {
      const atMs = (await this.#caller.type(step.type)) - this.#startedAtMs;
      this.#add({ type: 'typed', atMs, text: step.type, awaited });
      if (awaited) await this.#answered(atMs);
      return;
    }
    if (step.wait_for) return await this.#waitFor(step.wait_for);
    if (step.fail) return await this.#fail(step.fail);
    const fromMs = this.#now();
    await sleep(step.silence_ms ?? step.wait_ms ?? 0);
    this.#add({ type: 'waited', fromMs, toMs: this.#now() });
  }

  async #speak(
    said: readonly string[],
    options: { step: Step; awaited: boolean; pauseMs?: number; interrupts?: boolean },
  ): Promise<void> {
    const { step, awaited, pauseMs = 0, interrupts = false } = options;
    const [first, second] = await Promise.all(said.map((each) => utterance(each, this.#order.scenario.language)));
    if (!first) return;
    const samples = second ? withPause(first.samples, pauseMs, second.samples) : first.samples.slice();
    mix(samples, step.noise);
    const { firstVoicedAtMs, lastVoicedAtMs } = await this.#caller.speak(samples);
    const text = second ? `${first.text} ... ${second.text}` : first.text;
    const toMs = lastVoicedAtMs - this.#startedAtMs;
    this.#add({ type: 'spoken', fromMs: firstVoicedAtMs - this.#startedAtMs, toMs, text, interrupts, awaited });
    if (awaited) await this.#answered(toMs);
  }

  async #waitFor({ text, state, timeout_ms: timeoutMs }: NonNullable<Step['wait_for']>): Promise<void> {
    if (state) return await this.#until(() => this.#state === state, `the agent was not ${state}`, timeoutMs);
    const pattern = readPattern(text ?? '');
    const hasText = () => eventsOf({ events: this.#events }, 'shown').some((shown) => pattern.endIn(shown.text, 0));
    await this.#until(hasText, `the agent did not say: ${text}`, timeoutMs);
  }

  async #fail(failures: NonNullable<Step['fail']>): Promise<void> {
    const { sandboxUrl } = this.#order;
    if (!sandboxUrl) throw new Error('vendors are told to fail where there are stand-ins: leave --real out');
    const body = JSON.stringify(failures);
    const response = await fetch(`${sandboxUrl}/sandbox/failures`, { method: 'PUT', body });
    if (!response.ok) throw new Error(`the stand-ins refused the failures: ${await response.text()}`);
  }

  /** An answer is text that was begun after what it answers, or a note that was changed by it. */
  async #answered(saidAtMs: number): Promise<void> {
    const isAnswer = (event: TimelineEvent) =>
      (event.type === 'shown' || event.type === 'note') && event.atMs > saidAtMs;
    await this.#until(() => this.#events.some(isAnswer), 'there was no answer');
    await this.#quiet();
  }

  /** Waits until nothing has been heard for a while, and the agent is at nothing. */
  async #quiet(): Promise<void> {
    const sinceMs = epochMs();
    const lastMs = () => Math.max(sinceMs, this.#caller.heard.voicedAtMs.at(-1) ?? 0);
    const isIdle = () => !['thinking', 'speaking'].includes(this.#state);
    await this.#until(() => isIdle() && epochMs() - lastMs() > silenceMs, 'the agent did not stop');
  }

  async #until(condition: () => boolean, otherwise: string, timeoutMs = answerTimeoutMs): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      if (this.#isOver) throw new Error('the call is over');
      if (performance.now() > deadline) throw new Error(`${otherwise} within ${timeoutMs} ms`);
      await sleep(pollMs);
    }
  }

  #add(event: TimelineEvent): void {
    this.#events.push(event);
    this.#tell({ type: 'event', event });
  }

  #now(): number {
    return epochMs() - this.#startedAtMs;
  }
}

function mix(samples: Int16Array, noise: Noise | undefined): void {
  const background: Background | undefined = noise && noiseBackground(noise);
  background?.(samples);
}
