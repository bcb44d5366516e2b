import type { Clock } from '../core/clock.ts';
import type { ApiConfig } from '../core/config.ts';
import type { SessionTokens } from '../core/crypto.ts';
import type { Log } from '../core/log.ts';
import type { DrizzleDatabase } from '../db/client.ts';
import type { Actor } from '../domain/actor.ts';
import type { Rooms } from './rooms.ts';

/** The settings verbs depend on. */
export type ServiceSettings = Pick<ApiConfig, 'livekit' | 'agentNames' | 'tokenTtlSeconds' | 'agentJoinTimeoutMs'>;

/** What verbs work with, whoever asks; a door makes one per process. */
export interface Services {
  db: DrizzleDatabase;
  rooms: Rooms;
  sessionTokens: SessionTokens;
  settings: ServiceSettings;
  clock: Clock;
  log: Log;
}

/** First argument of every verb: what to work with, and who is asking. */
export interface Context extends Services {
  actor: Actor;
}
