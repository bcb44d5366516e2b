import { decodeJwt } from 'jose';
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { AppError, type ErrorCode, reasonOf } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import type { UserActor } from '../domain/actor.ts';
import { noteChangeSchema } from '../domain/note.ts';
import type { PairingEvent } from '../domain/pairing.ts';
import { type ClientMessage, clientMessageSchema, type Hello, helloSchema } from '../domain/pairing-messages.ts';
import type { Context, Services } from '../services/context.ts';
import { changeNote, getNote } from '../services/notes.ts';
import { readPairingEvents } from '../services/pairing-events.ts';
import { enterPairing, keepPairing, leavePairing, type PairingPlace } from '../services/pairing-presence.ts';
import type { Authenticator } from './middleware/authenticator.ts';
import { type CloseReason, PairingChannel } from './pairing-channel.ts';

/** How long before its token ends a client is asked for the next one. */
const renewalMs = 60_000;
/** A client that stays connected is heard of so often. */
const keepIntervalMs = 600_000;
/** Node's timers take no more than 2^31 - 1 ms. */
const longestTimerMs = 86_400_000;

/** What a connection works with. */
export interface ConnectionOptions {
  services: Services;
  authenticator: Authenticator;
  pairingId: string;
  /** Token of the sub-protocol; absent when the first message is to bring one. */
  token?: string;
  /** What the client has for its first message. */
  helloTimeoutMs: number;
  /** What the client has for taking one message from us. */
  sendTimeoutMs: number;
  /** Whether the user may have one more connection. */
  admit(actor: UserActor): boolean;
}

/** What a client can do something about; all else is ours to mend. */
const refusals: Partial<Record<ErrorCode, CloseReason>> = {
  not_found: 'notFound',
  conflict: 'takenOver',
  forbidden: 'unauthenticated',
  invalid_input: 'unauthenticated',
};

/** What is known of a connection once its first message was found good. */
interface Entered {
  context: Context & { actor: UserActor };
  place: PairingPlace;
  sessionId: string;
  /** Then nothing follows its last event. */
  hasEnded: boolean;
}

/** One end of a pairing on its WebSocket, from its first message to its close. */
export class PairingConnection {
  readonly #channel: PairingChannel;
  readonly #options: ConnectionOptions;
  readonly #helloTimer: NodeJS.Timeout;
  #timers: NodeJS.Timeout[] = [];
  #entered: Entered | undefined;
  /** Sequence of the last event that was sent. */
  #sent = 0;
  #pumping: Promise<void> | undefined;
  #isDue = false;
  /** Resolves once the socket is closed and the other end told. */
  readonly gone: Promise<void>;

  constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#options = options;
    this.#channel = new PairingChannel(socket, options.sendTimeoutMs, (message) =>
      this.#handle(message).catch((error: unknown) => this.#fail(error)),
    );
    this.#helloTimer = setTimeout(() => this.close('noHello'), options.helloTimeoutMs);
    this.gone = this.#channel.closed.then(() => this.#leave());
  }

  /** Who is connected; undefined before the first message was found good. */
  get actor(): UserActor | undefined {
    return this.#entered?.context.actor;
  }

  /** Looks for new events, if the newest is not among those that were sent. */
  wake(newest = Number.POSITIVE_INFINITY): void {
    if (!this.#entered || newest <= this.#sent) return;
    this.#isDue = true;
    this.#pumping ??= this.#pump()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#pumping = undefined;
        if (this.#isDue && this.#channel.isOpen) this.wake();
      });
  }

  /** Asks for a sign of life; ends the connection when there was none for too long. */
  ping(): void {
    this.#channel.ping();
  }

  close(reason: CloseReason, explanation?: string): void {
    this.#channel.close(reason, explanation);
  }

  terminate(): void {
    this.#channel.terminate();
  }

  async #handle(message: unknown): Promise<void> {
    if (this.#entered) {
      const parsed = clientMessageSchema.safeParse(message);
      return parsed.success ? this.#obey(parsed.data) : this.#refuse(parsed.error);
    }
    const parsed = helloSchema.safeParse(message);
    return parsed.success ? this.#greet(parsed.data) : this.#refuse(parsed.error);
  }

  async #greet(hello: Hello): Promise<void> {
    const { services, pairingId } = this.#options;
    const token = hello.token ?? this.#options.token;
    const actor = token === undefined ? null : await this.#userOf(token, hello.user);
    if (token === undefined || !actor) return this.close('unauthenticated');
    if (!this.#options.admit(actor)) return this.close('tooMany', 'too many connections of one user');
    const context = { ...services, actor };
    const place =
      hello.end === 'phone'
        ? { pairingId, end: hello.end, phoneEpoch: hello.phoneEpoch }
        : { pairingId, end: hello.end };
    const pairing = await enterPairing(context, place);
    if (!this.#channel.isOpen) return leavePairing(context, place);
    clearTimeout(this.#helloTimer);
    this.#entered = { context, place, sessionId: pairing.sessionId, hasEnded: pairing.endedAt !== null };
    this.#sent = hello.after;
    this.#expectRenewal(token);
    await this.#channel.send({ type: 'ready', end: hello.end, pairing });
    this.wake();
  }

  async #obey(message: ClientMessage): Promise<void> {
    const { context, sessionId } = this.#entered as Entered;
    switch (message.type) {
      case 'ping':
        return this.#channel.send({ type: 'pong' });
      case 'auth': {
        const actor = await this.#userOf(message.token, message.user);
        if (actor?.userId !== context.actor.userId) return this.close('unauthenticated');
        return this.#expectRenewal(message.token);
      }
      case 'operation': {
        const error = await this.#apply(context, sessionId, message);
        return this.#channel.send({ type: 'operation-result', id: message.id, error });
      }
    }
  }

  async #apply(
    context: Context,
    sessionId: string,
    { id, operation }: { id: string; operation?: unknown },
  ): Promise<{ code: string; detail: string } | undefined> {
    const change = noteChangeSchema.safeParse({ id, operation });
    if (!change.success) return { code: 'invalid_input', detail: detailOf(change.error) };
    try {
      await changeNote(context, { sessionId, change: change.data });
      return undefined;
    } catch (error) {
      if (error instanceof AppError && error.code !== 'internal') return { code: error.code, detail: error.message };
      context.log.error({ reason: reasonOf(error) }, 'an operation on a note failed');
      return { code: 'internal', detail: 'Something went wrong' };
    }
  }

  async #userOf(token: string, appUser: string | undefined): Promise<UserActor | null> {
    const actor = await this.#options.authenticator(token, appUser);
    return actor?.kind === 'user' ? actor : null;
  }

  /** A token that doesn't say when it ends is asked for again as often as an access token ends. */
  #expectRenewal(token: string): void {
    const { clock } = this.#options.services;
    const left = (expiryMsOf(token) ?? clock().getTime() + lifetimes.accessTokenSeconds * 1_000) - clock().getTime();
    const leftMs = Math.min(Math.max(0, left), longestTimerMs);
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    const inSeconds = Math.floor(Math.min(leftMs, renewalMs) / 1_000);
    this.#timers.push(
      setTimeout(() => void this.#channel.send({ type: 'auth-expiring', inSeconds }), Math.max(0, leftMs - renewalMs)),
      setTimeout(() => this.close('tokenExpired'), leftMs),
      setInterval(() => this.#keep(), keepIntervalMs),
    );
  }

  #keep(): void {
    const { context, place } = this.#entered as Entered;
    keepPairing(context, place).catch((error: unknown) => this.#fail(error));
  }

  /** Sends what the database has behind the last event that was sent, until there is no more. */
  async #pump(): Promise<void> {
    const { context, place, hasEnded } = this.#entered as Entered;
    while (this.#isDue && this.#channel.isOpen) {
      this.#isDue = false;
      const { events, isComplete, lastSequence } = await readPairingEvents(context, {
        pairingId: place.pairingId,
        after: this.#sent,
      });
      if (!isComplete) {
        await this.#resync(lastSequence);
        this.#isDue = true;
        continue;
      }
      const newestNote = events.findLast(({ event }) => event.type === 'note')?.sequence;
      for (const { sequence, event } of events) {
        const isNewest = event.type === 'note' && sequence === newestNote;
        const shown = isNewest ? await this.#withNote(event) : event;
        await this.#channel.send({ type: 'event', sequence, event: shown });
        this.#sent = sequence;
        if (event.type === 'ended') return this.close('ended');
        const isOlder = event.type === 'taken-over' && place.end === 'phone' && place.phoneEpoch < event.phoneEpoch;
        if (isOlder) return this.close('takenOver');
      }
      if (hasEnded && !events.length) return this.close('ended');
      this.#isDue ||= events.length > 0;
    }
  }

  /** The event of a note with the note: kept with each of them, a long note would be kept a thousand times. */
  async #withNote({ version }: { version: number }): Promise<PairingEvent> {
    const { context, sessionId } = this.#entered as Entered;
    return { type: 'note', version, note: await getNote(context, { sessionId }) };
  }

  async #resync(sequence: number): Promise<void> {
    const { context, sessionId } = this.#entered as Entered;
    const note = await getNote(context, { sessionId });
    await this.#channel.send({ type: 'resync', sequence, note });
    this.#sent = sequence;
  }

  #refuse(error: z.ZodError): void {
    this.close('badMessage', detailOf(error));
  }

  #fail(error: unknown): void {
    const reason = error instanceof AppError ? refusals[error.code] : undefined;
    if (!reason) this.#options.services.log.error({ reason: reasonOf(error) }, 'a connection of a pairing failed');
    this.close(reason ?? 'unavailable');
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#helloTimer);
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    if (!this.#entered) return;
    const { context, place } = this.#entered;
    try {
      await leavePairing(context, place);
    } catch (error) {
      context.log.warn({ reason: reasonOf(error) }, 'the other end of a pairing could not be told that one is gone');
    }
  }
}

function detailOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.') || 'message'}: ${message}`).join('; ');
}

function expiryMsOf(token: string): number | undefined {
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? undefined : exp * 1_000;
  } catch {
    return undefined;
  }
}
