import type { hc } from 'hono/client';
import type { App } from '../api/app.ts';
import type { NewReminder, Reminder, ReminderFilter } from '../domain/reminder.ts';

/** Repeats a call that is safe to repeat until it is answered, for so long at most. @throws AppError when it is refused. */
type Answered = (
  call: () => Promise<Pick<Response, 'ok' | 'status' | 'json'>>,
  patienceMs: number,
) => Promise<{ json(): Promise<unknown> }>;

/** The person of the call waits for it. */
const patienceMs = 3_000;
/** Nobody waits for it, and what can't be noted goes out by mail as well. */
const notePatienceMs = 10_000;

/** The reminders of a job's person, as its backend reaches them. */
export class ReminderBackend {
  readonly #client: ReturnType<typeof hc<App>>;
  readonly #answered: Answered;

  constructor(client: ReturnType<typeof hc<App>>, answered: Answered) {
    this.#client = client;
    this.#answered = answered;
  }

  /** As many reminders as may be pending at once, those made last first. */
  async list(only: ReminderFilter): Promise<Reminder[]> {
    const answer = await this.#answered(() => this.#client.api.v1.reminders.$get({ query: { only } }), patienceMs);
    const { reminders } = (await answer.json()) as { reminders: Reminder[] };
    return reminders;
  }

  /** Keeps a reminder; the same one again changes nothing. @throws AppError saying what is wrong with it. */
  async create(reminder: NewReminder): Promise<Reminder> {
    const answer = await this.#answered(() => this.#client.api.v1.reminders.$post({ json: reminder }), patienceMs);
    return (await answer.json()) as Reminder;
  }

  /** Removes a reminder. @throws AppError `not_found` when there is none. */
  async cancel(id: string): Promise<void> {
    await this.#answered(() => this.#client.api.v1.reminders[':id'].$delete({ param: { id } }), patienceMs);
  }

  /** Notes that a reminder was told in the call. */
  async noteTold(id: string, dueAt: string): Promise<void> {
    const route = this.#client.api.v1.reminders[':id'].told;
    await this.#answered(() => route.$post({ param: { id }, json: { dueAt } }), notePatienceMs);
  }
}
