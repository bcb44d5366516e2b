import type { hc } from 'hono/client';
import type { App } from '../api/app.ts';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import type { Fact } from '../domain/fact.ts';
import type { Summary } from '../domain/summary.ts';
import type { ClientAnswer } from './backend-answers.ts';

type Client = ReturnType<typeof hc<App>>;

/** Asks the API until it answers or the patience of who waits is over. @throws AppError as the API refused. */
type Ask = (call: () => Promise<Response | ClientAnswer>) => Promise<ClientAnswer>;

/** A job's way to what is remembered of its person. Every write may be repeated. */
export class MemoryBackend {
  readonly #client: Client;
  readonly #ask: Ask;

  constructor(client: Client, ask: Ask) {
    this.#client = client;
    this.#ask = ask;
  }

  /** What is kept or proposed, the newest first, `sizes.itemsPerPage` at most. */
  async facts(): Promise<Fact[]> {
    const query = { limit: String(sizes.itemsPerPage) };
    const answer = await this.#ask(() => this.#client.api.v1.facts.$get({ query }));
    return ((await answer.json()) as { facts: Fact[] }).facts;
  }

  /** Proposes something to be remembered. @returns what was there already, if it was @throws AppError when it is refused */
  async propose(text: string): Promise<Fact> {
    const json = { id: newId(), text };
    const answer = await this.#ask(() => this.#client.api.v1.facts.$post({ json }));
    return (await answer.json()) as Fact;
  }

  /** Keeps what the person has agreed to. @throws AppError `not_found` for what isn't there */
  async keep(id: string): Promise<Fact> {
    const answer = await this.#ask(() => this.#client.api.v1.facts[':id'].keep.$post({ param: { id } }));
    return (await answer.json()) as Fact;
  }

  /** Forgets it; what isn't there is forgotten already. */
  async forget(id: string): Promise<void> {
    await this.#ask(() => this.#client.api.v1.facts[':id'].$delete({ param: { id } })).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
    });
  }

  /** What the last of the person's other sessions were about, the newest first. */
  async earlierSessions(): Promise<Summary[]> {
    const answer = await this.#ask(() => this.#client.api.v1.context.$get({ query: {} }));
    return ((await answer.json()) as { summaries: Summary[] }).summaries;
  }
}
