import { BlockList } from 'node:net';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import pg from 'pg';
import type { AccountsConfig } from '../../core/config/accounts.ts';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { createFieldCipher, type FieldCipher } from '../../core/crypto/field-cipher.ts';
import { createSessionTokens, type SessionTokens } from '../../core/crypto/session-tokens.ts';
import { newId, newRoomName } from '../../core/ids.ts';
import { createLog } from '../../core/log.ts';
import { type Database, type EmbeddedDatabase, openDatabase, type Transaction } from '../../db/client.ts';
import { tenants } from '../../db/schema/tenants.ts';
import type { Actor, AgentActor, JobActor, UserActor } from '../../domain/actor.ts';
import type { JobName, JobPayload } from '../../domain/job.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { type AccountTools, createAccountTools } from '../../services/accounts.ts';
import { noCache } from '../../services/cache.ts';
import type { Context, ServiceSettings, Services } from '../../services/context.ts';
import { createJobQueue, type JobQueue } from '../../services/job-queue.ts';
import { loadStructureNote } from '../../services/note-structure.ts';
import { loadPacks } from '../../services/packs.ts';
import { createLocalPairingBus } from '../../services/pairing-bus.ts';
import type { RoomParticipant, Rooms } from '../../services/rooms.ts';
import { claimSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import type { TranscriptionTools } from '../../services/transcriptions.ts';
import { ensureUser } from '../../services/users.ts';
import { openTestPglite } from '../support/pglite.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

/** Settings of a service on a machine that isn't there: what needs LiveKit goes through `ScriptedRooms`. */
export const settings: ServiceSettings = {
  livekit: {
    url: 'http://127.0.0.1:1',
    publicUrl: 'wss://rooms.example.test',
    apiKey: 'test-key',
    apiSecret: 'a-livekit-secret-of-32-characters',
  },
  agentNames: ['parley', 'oracy'],
  tokenTtlSeconds: 900,
  agentJoinTimeoutMs: 8_000,
};

/** The packs of every world, made once. */
const packs = loadPacks(['nl-dental', 'en-general']);
const structureNote = loadStructureNote(packs);

/** Takes anything for a second in which nothing is said. */
const transcription: TranscriptionTools = {
  transcriber: { promptCharacters: 0, transcribe: async () => '' },
  openRecording: async (bytes) => ({
    format: 'wav',
    durationSeconds: 1,
    segments: [{ startSeconds: 0, endSeconds: 1 }],
    read: async () => bytes,
    close: () => undefined,
  }),
};

/** Anybody may call, as often as they like. */
export const http = { corsOrigins: ['*'], trustedProxies: new BlockList(), rateLimitScale: 0 };

/** Seals fields in tests. */
export const encryptionKeys = parseEncryptionKeys(`test:${'ab'.repeat(32)}`);

/** Signs session tokens in tests. */
export const jwtSecret = 'a-session-secret-of-32-characters';

/** Settings of accounts in tests. */
export const accounts: AccountsConfig = { jwtAlgorithm: 'HS256', publicUrl: 'https://app.example.test', issuers: [] };

/** A clock that stands until it is turned forward. It starts at the real time, so that real tokens are valid. */
export class TestClock {
  #now = Date.now();

  readonly now = (): Date => new Date(this.#now);

  advance(ms: number): void {
    this.#now += ms;
  }
}

/** A dispatch that was asked for. */
export interface Dispatch {
  roomName: string;
  agentName: string;
  metadata: unknown;
}

/** Rooms in memory. Being asked anything while `allowed` is false is an error, and so is a room nobody named. */
export class ScriptedRooms implements Rooms {
  readonly dispatches: Dispatch[] = [];
  /** Data packets, by their room. */
  readonly told: { roomName: string; topic: string; identity: string }[] = [];
  /** Who was taken out of which room. */
  readonly removals: { roomName: string; identity: string }[] = [];
  allowed = true;
  readonly #rooms = new Map<string, RoomParticipant[]>();

  set(roomName: string, participants: RoomParticipant[]): void {
    this.#rooms.set(roomName, participants);
  }

  remove(roomName: string): void {
    this.#rooms.delete(roomName);
  }

  async existing(roomNames: string[]): Promise<ReadonlySet<string>> {
    this.#expectCall('existing');
    if (!roomNames.length) throw new Error('LiveKit lists every room when it is given no names');
    return new Set(roomNames.filter((name) => this.#rooms.has(name)));
  }

  async participants(roomName: string): Promise<RoomParticipant[]> {
    this.#expectCall('participants');
    const participants = this.#rooms.get(roomName);
    if (!participants) throw new Error('unexpected question about a room that does not exist');
    return participants;
  }

  async dispatch(roomName: string, agentName: string, metadata: string): Promise<void> {
    this.#expectCall('dispatch');
    this.dispatches.push({ roomName, agentName, metadata: JSON.parse(metadata) });
  }

  async tell(roomName: string, topic: string, identity: string): Promise<void> {
    this.#expectCall('tell');
    this.told.push({ roomName, topic, identity });
  }

  async removeParticipant(roomName: string, identity: string): Promise<void> {
    this.#expectCall('removeParticipant');
    this.removals.push({ roomName, identity });
  }

  #expectCall(name: string): void {
    if (!this.allowed) throw new Error(`unexpected call of Rooms.${name}`);
  }
}

/** The database's queue, which also keeps what was queued, whether or not its transaction is committed. */
export class CollectingQueue implements JobQueue {
  readonly jobs: { name: JobName; payload: object }[] = [];
  readonly #queue = createJobQueue();

  async enqueue<Name extends JobName>(tx: Transaction, name: Name, payload: JobPayload<Name>): Promise<void> {
    await this.#queue.enqueue(tx, name, payload);
    this.jobs.push({ name, payload });
  }
}

/** A migrated database with what verbs need around it. */
export interface World {
  database: Database;
  /** Queries as a superuser, past row-level security: to look at what is stored, and to break it. */
  admin: AdminDatabase;
  /** The ways into the database; absent on PGlite. */
  server?: TestDatabase;
  /** The embedded database; absent on PostgreSQL. */
  embedded?: EmbeddedDatabase;
  cipher: FieldCipher;
  clock: TestClock;
  rooms: ScriptedRooms;
  queue: CollectingQueue;
  sessionTokens: SessionTokens;
  /** What people sign in with, without issuers. */
  accounts: AccountTools;
  services: Services;
  context<A extends Actor>(actor: A): Context & { actor: A };
  newUser(tenantId?: string): Promise<UserActor>;
  /** A tenant beside the default one. @returns its id. */
  newTenant(): Promise<string>;
  /** A new session of a user, in a room nobody else has. */
  newSession(user: UserActor): Promise<{ id: string; roomName: string }>;
  /** Claims a session's room for a job and gives the agent that the job becomes. */
  claim(user: UserActor, session: { id: string; roomName: string }, jobIdentity?: string): Promise<AgentActor>;
  close(): Promise<void>;
}

/** Opens a world on an embedded database in memory, or on a database of its own on the server at `postgresUrl`. */
export async function openWorld(postgresUrl?: string): Promise<World> {
  const server = postgresUrl ? await createTestDatabase(postgresUrl) : undefined;
  const embedded = server ? undefined : await openTestPglite();
  const database = embedded ?? (await openDatabase({ ...(server as TestDatabase), poolSize: 8 }));
  const pool = server && new pg.Pool({ connectionString: server.adminUrl, max: 2 });
  // Dropping the database cuts its connections off.
  pool?.on('error', () => undefined);
  const admin = pool ? drizzlePostgres({ client: pool }) : drizzlePglite((embedded as EmbeddedDatabase).client);
  const clock = new TestClock();
  const rooms = new ScriptedRooms();
  const queue = new CollectingQueue();
  const services: Services = {
    database,
    cipher: createFieldCipher(encryptionKeys),
    cache: noCache,
    queue,
    pairingBus: createLocalPairingBus(),
    rooms,
    sessionTokens: createSessionTokens(jwtSecret, clock.now),
    settings,
    packs,
    structureNote,
    transcription,
    clock: clock.now,
    log: createLog('test', 'silent'),
  };
  const context = <A extends Actor>(actor: A) => ({ ...services, actor });
  return {
    database,
    admin,
    server,
    embedded,
    cipher: services.cipher,
    clock,
    rooms,
    queue,
    sessionTokens: services.sessionTokens,
    accounts: createAccountTools({ jwtSecret, accounts }, clock.now),
    services,
    context,
    async newUser(tenantId = defaultTenant.id) {
      const userId = newId();
      await ensureUser(context(system), { tenantId, userId });
      return { kind: 'user', tenantId, userId, roles: ['student'] };
    },
    async newTenant() {
      const id = newId();
      const now = clock.now();
      await admin.insert(tenants).values({ id, slug: id, name: 'Another', createdAt: now, updatedAt: now });
      return id;
    },
    async newSession(user) {
      const { session_id: id, room_name: roomName } = await issueToken(context(user), { room_name: newRoomName() });
      return { id, roomName };
    },
    async claim(user, { id, roomName }, jobIdentity = `agent-${newId()}`) {
      const job: JobActor = { kind: 'job', roomName, jobIdentity };
      await claimSession(context(job));
      return { kind: 'agent', tenantId: user.tenantId, userId: user.userId, sessionId: id, jobIdentity };
    },
    async close() {
      await database.close();
      await pool?.end();
      await server?.drop();
    },
  };
}

/** What looks at a database past every policy. */
export type AdminDatabase = PgDatabase<PgQueryResultHKT>;

/** The service itself. */
export const system = { kind: 'system', name: 'test' } as const;
