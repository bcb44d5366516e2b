import { setTimeout as sleep } from 'node:timers/promises';
import { hc } from 'hono/client';
import type { App } from '../api/app.ts';
import { lifetimes, sizes } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { UserContext } from '../domain/context.ts';
import type { NewTurn, Turn } from '../domain/conversation.ts';
import type { EffectiveLexicon } from '../domain/lexicon.ts';
import type { NewNoteChange, Note } from '../domain/note.ts';
import type { OnboardingState } from '../domain/onboarding.ts';
import type { OnboardingStepId } from '../domain/onboarding-steps.ts';
import type { PreferenceValues } from '../domain/preferences.ts';
import type { Profile } from '../domain/profile.ts';
import type { CallEnding, Checkpoint, Claim, Renewal } from '../domain/session.ts';
import { bearer, type ClientAnswer, codeOf, untilAnswered, within } from './backend-answers.ts';
import { MemoryBackend } from './memory-backend.ts';
import { ReminderBackend } from './reminder-backend.ts';

/** What a caller waits for is given up on sooner than what nobody waits for; turns wait as long as the call lasts. */
const patience = { readMs: 3_000, writeMs: 60_000, lastWritesMs: 10_000 } as const;
const requestTimeoutMs = 5_000;
/** Less than the API waits for a job whose connection has broken (`lifetimes.lostJobMs`), at first. */
const reconnectMs = { first: 50, longest: 5_000 } as const;

/** What the holder of a lease hears of. */
interface LeaseEvents {
  onLost(): void;
  onLexicon(version: string): void;
}

/**
 * A job's way to the API: one session, one user. Turns wait in the process and are sent one after another under their
 * own ids, so an API that is away for a while loses nothing and records nothing twice.
 */
export class Backend {
  /** What is remembered of the caller. */
  readonly memory: MemoryBackend;
  /** What the caller wants to be told, and when. */
  readonly reminders: ReminderBackend;
  readonly #client: ReturnType<typeof hc<App>>;
  readonly #log: Log;
  #claim: Claim | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  /** Ends the connection by which the API knows that this process lives. */
  readonly #closing = new AbortController();
  #turns: Promise<void> = Promise.resolve();
  #changes: Promise<unknown> = Promise.resolve();
  /** When turns and changes of the note are given up on, by `performance.now()`. */
  #writesDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(apiUrl: string, log: Log) {
    this.#log = log;
    this.#client = hc<App>(apiUrl, {
      headers: (): Record<string, string> => (this.#claim ? bearer(this.#claim.sessionToken) : {}),
      fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
        fetch(input, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) }),
    });
    this.memory = new MemoryBackend(this.#client, (call) => untilAnswered(call, within(patience.readMs)));
    this.reminders = new ReminderBackend(this.#client, (call, patienceMs) => untilAnswered(call, within(patienceMs)));
  }

  /**
   * Trades the job's LiveKit join token for its session and keeps the lease alive until `close()`.
   * @param events `onLost` is called once when another job has taken the session over, `onLexicon` after each renewal of the
   * lease with the version of what the person and their tenant have added to lexicons.
   * @throws AppError `conflict` when a living job holds the session.
   */
  async claim(joinToken: string, events: LeaseEvents): Promise<Claim> {
    const route = this.#client.api.v1.sessions.claim;
    const claim = await this.#json<Claim>(() => route.$post({}, { headers: bearer(joinToken) }), patience.writeMs);
    this.#claim = claim;
    this.#heartbeat = setInterval(() => void this.#renew(events), lifetimes.heartbeatMs);
    void this.#stayConnected();
    return claim;
  }

  /** Keeps where the call is, for the job that goes on with it should this process be lost. Queued like turns. */
  checkpoint(checkpoint: Checkpoint): void {
    const id = this.#session().session.id;
    const route = this.#client.api.v1.sessions[':id'].checkpoint;
    this.#turns = this.#turns.then(async () => {
      await untilAnswered(
        () => route.$put({ param: { id }, json: checkpoint }),
        () => this.#writesDeadlineMs,
      ).catch((error: unknown) => this.#log.error({ code: codeOf(error) }, 'where the call is could not be kept'));
    });
  }

  /** The caller's profile. */
  profile(): Promise<Profile> {
    return this.#json(() => this.#client.api.v1.profiles.me.$get(), patience.readMs);
  }

  /** Everything about the caller that a call begins with, in one request. */
  context(): Promise<UserContext> {
    return this.#json(() => this.#client.api.v1.context.$get({ query: {} }), patience.readMs);
  }

  /** What the caller's apps and agents keep about how the caller wants things. */
  preferences(): Promise<PreferenceValues> {
    return this.#json(() => this.#client.api.v1.preferences.$get(), patience.readMs);
  }

  /** Changes them by a JSON Merge Patch; the same one again changes nothing. @throws AppError `invalid_input` for one that can't be kept. */
  changePreferences(patch: PreferenceValues): Promise<PreferenceValues> {
    return this.#json(() => this.#client.api.v1.preferences.$patch({ json: patch }), patience.readMs);
  }

  /** The last turns of the session in order, `sizes.turnsPerPage` at most, once those that wait here are kept. */
  async turns(): Promise<Turn[]> {
    await Promise.race([this.#turns, sleep(patience.readMs)]);
    const id = this.#session().session.id;
    const route = this.#client.api.v1.sessions[':id'].turns;
    const query = { limit: String(sizes.turnsPerPage) };
    const pages: Turn[] = [];
    for (let after: number | undefined; ; after = pages.at(-1)?.position) {
      const position = after === undefined ? {} : { after: String(after) };
      const { turns } = await this.#json<{ turns: Turn[] }>(
        () => route.$get({ param: { id }, query: { ...query, ...position } }),
        patience.readMs,
      );
      pages.push(...turns);
      if (turns.length < sizes.turnsPerPage) return pages.slice(-sizes.turnsPerPage);
    }
  }

  /** Saves one answer; saving it again changes nothing. @throws AppError `invalid_input` saying what is wrong with the answer. */
  saveOnboardingStep(step: OnboardingStepId, answer: string): Promise<OnboardingState> {
    const route = this.#client.api.v1.onboarding.steps[':step'];
    return this.#json(() => route.$put({ param: { step }, json: { answer } }), patience.readMs);
  }

  /** Leaves one step unanswered; again changes nothing. @throws AppError `conflict` for one that must be answered, or has been. */
  skipOnboardingStep(step: OnboardingStepId): Promise<OnboardingState> {
    const route = this.#client.api.v1.onboarding.steps[':step'].skip;
    return this.#json(() => route.$post({ param: { step } }), patience.readMs);
  }

  /** The terms that a person and their tenant have added to a pack. */
  lexicon(pack: string): Promise<EffectiveLexicon> {
    const route = this.#client.api.v1.lexicons[':pack'].effective;
    return this.#json(() => route.$get({ param: { pack } }), patience.readMs);
  }

  /** The note of the session. */
  note(): Promise<Note> {
    const id = this.#session().session.id;
    const route = this.#client.api.v1.sessions[':id'].note;
    return this.#json(() => route.$get({ param: { id }, query: {} }), patience.readMs);
  }

  /**
   * Changes the note of the session, after the changes that were asked for before. While the API is away it waits as long as
   * turns do. @returns the note as it is then @throws AppError when the change is refused
   */
  changeNote(change: NewNoteChange): Promise<Note> {
    const id = this.#session().session.id;
    const route = this.#client.api.v1.sessions[':id'].note.operations;
    const changed = this.#changes.then(async () => {
      try {
        const response = await untilAnswered(
          () => route.$post({ param: { id }, json: change }),
          () => this.#writesDeadlineMs,
        );
        return (await response.json()) as Note;
      } catch (error) {
        this.#log.error({ code: codeOf(error), operation: change.operation.type }, 'a note could not be changed');
        throw error;
      }
    });
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  /** Queues a turn for the record, in the order of the calls, and returns at once. */
  appendTurn(turn: NewTurn): void {
    const id = this.#session().session.id;
    const route = this.#client.api.v1.sessions[':id'].turns;
    this.#turns = this.#turns.then(async () => {
      try {
        await untilAnswered(
          () => route.$post({ param: { id }, json: turn }),
          () => this.#writesDeadlineMs,
        );
      } catch (error) {
        this.#log.error({ code: codeOf(error), turnId: turn.id }, 'a turn could not be recorded');
      }
    });
  }

  /**
   * Sends what is still queued, gives the lease back and stops the heartbeat.
   * @param ending why; by it the API knows whether the call goes on with another job
   */
  async close(ending: CallEnding): Promise<void> {
    clearInterval(this.#heartbeat);
    if (!this.#claim) return this.#closing.abort();
    this.#writesDeadlineMs = performance.now() + patience.lastWritesMs;
    await Promise.all([this.#turns, this.#changes]);
    const id = this.#claim.session.id;
    const route = this.#client.api.v1.sessions[':id'].lease;
    await untilAnswered(() => route.$delete({ param: { id }, query: { ending } }), within(patience.readMs)).catch(
      (error: unknown) => this.#log.warn({ code: codeOf(error) }, 'the lease was not given back and will run out'),
    );
    this.#claim = undefined;
    // Not before: a connection that ends while the lease is held is a job that is lost.
    this.#closing.abort();
  }

  /** Holds a connection to the API that ends with this process, whatever ends that, and so tells of it at once. */
  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    const route = this.#client.api.v1.sessions[':id'].lease.connection;
    for (let pauseMs: number = reconnectMs.first; this.#claim && !signal.aborted; ) {
      const { sessionToken, session } = this.#claim;
      const response = await fetch(route.$url({ param: { id: session.id } }), {
        headers: bearer(sessionToken),
        signal,
      }).catch(() => undefined);
      if (response?.ok) pauseMs = reconnectMs.first;
      try {
        for await (const _ of response?.body ?? []);
      } catch {
        // It has ended one way or the other.
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, reconnectMs.longest);
    }
  }

  async #renew({ onLost, onLexicon }: LeaseEvents): Promise<void> {
    const claim = this.#session();
    const route = this.#client.api.v1.sessions[':id'].heartbeat;
    try {
      const { lexiconVersion, ...renewed } = await this.#json<Renewal>(
        () => route.$post({ param: { id: claim.session.id } }),
        lifetimes.heartbeatMs / 2,
      );
      if (!this.#claim) return;
      Object.assign(claim, renewed);
      onLexicon(lexiconVersion);
    } catch (error) {
      const code = codeOf(error);
      this.#log.warn({ code }, 'the lease was not renewed');
      if (code !== 'conflict') return;
      clearInterval(this.#heartbeat);
      onLost();
    }
  }

  #session(): Claim {
    if (!this.#claim) throw new Error('The backend was used before a session was claimed, or after it was closed.');
    return this.#claim;
  }

  async #json<T>(call: () => Promise<Response | ClientAnswer>, patienceMs: number): Promise<T> {
    const response = await untilAnswered(call, within(patienceMs));
    return (await response.json()) as T;
  }
}
