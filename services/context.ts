import type { Clock } from '../core/clock.ts';
import type { ApiConfig } from '../core/config/api.ts';
import type { FieldCipher } from '../core/crypto/field-cipher.ts';
import type { SessionTokens } from '../core/crypto/session-tokens.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../db/client.ts';
import type { Actor } from '../domain/actor.ts';
import type { StructureNote } from '../domain/dictation/structure-note.ts';
import type { Cache } from './cache.ts';
import type { JobQueue } from './job-queue.ts';
import type { Packs } from './packs.ts';
import type { PairingBus } from './pairing-bus.ts';
import type { Rooms } from './rooms.ts';
import type { TranscriptionTools } from './transcriptions.ts';

/** The settings verbs depend on. */
export type ServiceSettings = Pick<ApiConfig, 'livekit' | 'agentNames' | 'tokenTtlSeconds' | 'agentJoinTimeoutMs'>;

/** What every verb works with. */
export interface CoreServices {
  database: Pick<Database, 'transaction'>;
  /** Seals and opens personal fields. */
  cipher: FieldCipher;
  cache: Cache;
  queue: JobQueue;
  /** Tells the processes that serve a pairing's ends of new events. */
  pairingBus: PairingBus;
  clock: Clock;
  log: Log;
}

/** What verbs work with, whoever asks; a door makes one per process. */
export interface Services extends CoreServices {
  rooms: Rooms;
  sessionTokens: SessionTokens;
  /** Reads a note as data. */
  structureNote: StructureNote;
  settings: ServiceSettings;
  packs: Packs;
  /** Absent where recordings are not transcribed. */
  transcription?: TranscriptionTools;
}

/** First argument of every verb: what to work with, and who is asking. */
export type Context = Services & { actor: Actor };

/** First argument of verbs that need no more than data. */
export type CoreContext = CoreServices & { actor: Actor };
