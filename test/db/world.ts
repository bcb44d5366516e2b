import { createSessionTokens, type SessionTokens } from '../../core/crypto.ts';
import { newId, newRoomName } from '../../core/ids.ts';
import { createLog } from '../../core/log.ts';
import { type Database, openDatabase } from '../../db/client.ts';
import type { Actor, AgentActor, JobActor, UserActor } from '../../domain/actor.ts';
import type { Context, ServiceSettings, Services } from '../../services/context.ts';
import type { RoomParticipant, Rooms } from '../../services/rooms.ts';
import { claimSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import { ensureUser } from '../../services/users.ts';
import { createTestDatabase } from '../support/postgres.ts';

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

/** Signs session tokens in tests. */
export const jwtSecret = 'a-session-secret-of-32-characters';

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

  #expectCall(name: string): void {
    if (!this.allowed) throw new Error(`unexpected call of Rooms.${name}`);
  }
}

/** A migrated database with what verbs need around it. */
export interface World {
  database: Database;
  clock: TestClock;
  rooms: ScriptedRooms;
  sessionTokens: SessionTokens;
  services: Services;
  context<A extends Actor>(actor: A): Context & { actor: A };
  newUser(): Promise<UserActor>;
  /** A new session of a user, in a room nobody else has. */
  newSession(user: UserActor): Promise<{ id: string; roomName: string }>;
  /** Claims a session's room for a job and gives the agent that the job becomes. */
  claim(user: UserActor, session: { id: string; roomName: string }, jobIdentity?: string): Promise<AgentActor>;
  close(): Promise<void>;
}

/** Opens a world on an embedded database in memory, or on a database of its own on the server at `postgresUrl`. */
export async function openWorld(postgresUrl?: string): Promise<World> {
  const own = postgresUrl ? await createTestDatabase(postgresUrl) : null;
  const database = await openDatabase(own ? { url: own.url, poolSize: 8 } : { memory: true });
  await database.migrate();
  const clock = new TestClock();
  const rooms = new ScriptedRooms();
  const services: Services = {
    db: database.db,
    rooms,
    sessionTokens: createSessionTokens(jwtSecret, clock.now),
    settings,
    clock: clock.now,
    log: createLog('test', 'silent'),
  };
  const context = <A extends Actor>(actor: A) => ({ ...services, actor });
  return {
    database,
    clock,
    rooms,
    sessionTokens: services.sessionTokens,
    services,
    context,
    async newUser() {
      const userId = newId();
      await ensureUser(context(system), { userId });
      return { kind: 'user', userId };
    },
    async newSession(user) {
      const { session_id: id, room_name: roomName } = await issueToken(context(user), { room_name: newRoomName() });
      return { id, roomName };
    },
    async claim(user, { id, roomName }, jobIdentity = `agent-${newId()}`) {
      const job: JobActor = { kind: 'job', roomName, jobIdentity };
      await claimSession(context(job));
      return { kind: 'agent', userId: user.userId, sessionId: id, jobIdentity };
    },
    async close() {
      await database.close();
      await own?.drop();
    },
  };
}

/** The service itself. */
export const system = { kind: 'system', name: 'test' } as const;
