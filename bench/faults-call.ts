import { setTimeout as sleep } from 'node:timers/promises';
import { phrases } from '../agents/turns/phrases.ts';
import { type Recovery, topics } from '../domain/conversation.ts';
import { Caller, epochMs, lineSamples, type Shown } from '../scripts/caller.ts';

/** How to get into a room with the agent. */
export interface Entrance {
  serverUrl: string;
  token: string;
}

/** What a turn came to. `written`: the answer can be read and not heard. */
export type Outcome = 'answered' | 'apologised' | 'written' | 'nothing';

/** One spoken turn and what reached the caller after it. */
export interface FaultTurn {
  line: string;
  outcome: Outcome;
  /** Last voiced sample to the answer or the apology, whichever came first; infinite when neither did. */
  answerMs: number;
  /** What was said or written besides apologies. */
  reply: string;
  /** Voiced audio heard, in milliseconds, fillers and apologies with it. */
  heardMs: number;
  recoveries: Recovery[];
}

/** So long is waited for anything at all; the goal is stricter. */
const patienceMs = 15_000;
/** This much silence after a reply means that it is over. */
const silenceMs = 800;
/** A transcript follows its audio by no more than this. */
const transcriptGraceMs = 700;

/** A gap in what is heard, longer than frames are late by. */
const shortestGapMs = 60;
/** How much longer than it is a piece of speech seems that is cut off and taken up again. */
const edgeMs = 10;

const apologies: readonly string[] = [phrases.noAnswer.en, phrases.notHeard.en];

/** A person in a call with an agent whose vendors fail. */
export class FaultCall {
  readonly #caller: Caller;
  readonly #shown: Shown[];
  readonly #recoveries: Recovery[] = [];

  private constructor(caller: Caller, shown: Shown[]) {
    this.#caller = caller;
    this.#shown = shown;
    caller.room.registerTextStreamHandler(topics.recovery, async (reader) => {
      // One who leaves in the middle of a message doesn't get the rest.
      const message = await reader.readAll().catch(() => undefined);
      if (message !== undefined) this.#recoveries.push(JSON.parse(message) as Recovery);
    });
  }

  /** Joins and listens to the greeting. */
  static async join({ serverUrl, token }: Entrance): Promise<FaultCall> {
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (each) => void (each.speaker === 'agent' && shown.push(each)) });
    const call = new FaultCall(caller, shown);
    await caller.join(serverUrl, token, { microphone: true });
    await caller.waitForAgent(patienceMs);
    await call.#until(() => shown.length > 0);
    await call.#quiet(epochMs());
    return call;
  }

  /** Speaks a line and waits for what comes of it; `meanwhile` is called when the first words are being spoken. */
  async speak(line: string, meanwhile: () => Promise<void> = async () => {}): Promise<FaultTurn> {
    const from = { shown: this.#shown.length, recoveries: this.#recoveries.length };
    const [{ lastVoicedAtMs }] = await Promise.all([this.#caller.speak(lineSamples(line)), meanwhile()]);
    await this.#until(() => this.#shown.length > from.shown);
    await this.#quiet(lastVoicedAtMs);
    const shown = this.#shown
      .slice(from.shown)
      .map(({ text, firstTextAtMs }) => ({ text: text.trim(), firstTextAtMs }));
    const replies = shown.filter(({ text }) => !apologies.includes(text) && text !== phrases.noVoice.en);
    const recoveries = this.#recoveries.slice(from.recoveries);
    // A filler is heard too, and is no answer.
    const isAnswerFirst = !recoveries.some(({ kind }) => kind === 'filler');
    const heardAtMs = (isAnswerFirst && this.#caller.firstVoicedAfter(lastVoicedAtMs)) || Number.POSITIVE_INFINITY;
    const reply = replies.map(({ text }) => text).join(' ');
    return {
      line,
      outcome: outcomeOf(reply, shown.length > replies.length, recoveries),
      answerMs: Math.min(heardAtMs, ...shown.map(({ firstTextAtMs }) => firstTextAtMs)) - lastVoicedAtMs,
      reply,
      heardMs: this.#heardSince(lastVoicedAtMs),
      recoveries,
    };
  }

  async leave(): Promise<void> {
    await this.#caller.leave();
  }

  /** Voiced audio, without the halves of frames by which a voice that stutters seems longer. */
  #heardSince(momentMs: number): number {
    const at = this.#caller.heard.voicedAtMs.filter((each) => each > momentMs);
    const gaps = at.filter((each, index) => each - (at[index - 1] ?? each) > shortestGapMs).length;
    return this.#caller.voicedMsBetween(momentMs, epochMs()) - gaps * edgeMs;
  }

  async #until(isDone: () => boolean): Promise<void> {
    const deadline = epochMs() + patienceMs;
    while (!isDone() && epochMs() < deadline) await sleep(20);
  }

  /** Waits until nothing is heard or shown any more. */
  async #quiet(sinceMs: number): Promise<void> {
    const lastMs = () => Math.max(sinceMs, this.#caller.heard.voicedAtMs.at(-1) ?? 0);
    let shown = -1;
    while (epochMs() - lastMs() < silenceMs || shown !== this.#shown.length) {
      shown = this.#shown.length;
      await sleep(Math.max(transcriptGraceMs, lastMs() + silenceMs - epochMs()));
    }
  }
}

function outcomeOf(reply: string, hasApology: boolean, recoveries: readonly Recovery[]): Outcome {
  if (recoveries.some(({ kind }) => kind === 'text-only') && reply) return 'written';
  if (hasApology) return 'apologised';
  return reply ? 'answered' : 'nothing';
}
