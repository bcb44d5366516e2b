import { eq } from 'drizzle-orm';
import { afterEach, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { lifetimes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import { acceptDispatch, dispatchForReturning, watchDispatches } from '../../services/dispatches.ts';
import { endAbandonedSessions, releaseSession, renewSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

const patienceMs = lifetimes.dispatchAcceptMs;
const joinMs = settings.agentJoinTimeoutMs;

describeOnBothDatabases('the dispatch watchdog', (world) => {
  const watch = () => watchDispatches(world().context(system));
  const stored = async (id: string) => {
    const [session] = await world().admin.select().from(sessions).where(eq(sessions.id, id));
    return session;
  };
  const person = (userId: string) => ({
    identity: participantIdentityOf(userId),
    isAgent: false,
    joinedAt: world().clock.now(),
  });
  const agent = () => ({ identity: 'agent-x', isAgent: true, joinedAt: world().clock.now() });
  const newSession = async () => {
    const user = await world().newUser();
    return { user, ...(await world().newSession(user)) };
  };

  // Each test counts on being the only one with anything due.
  afterEach(async () => {
    await world().admin.delete(sessions);
    world().rooms.dispatches.length = 0;
    world().rooms.allowed = true;
  });

  it('asks LiveKit nothing while nothing is due', async () => {
    world().rooms.allowed = false;
    expect(await watch()).toBe(0);
    const { user, ...session } = await newSession();
    expect(await watch()).toBe(0);
    world().clock.advance(patienceMs);
    await world().claim(user, session);
    expect(await watch()).toBe(0);
  });

  it('dispatches again for a person who has waited long enough, and then gives that dispatch its time', async () => {
    const { user, id, roomName } = await newSession();
    world().clock.advance(patienceMs / 2);
    world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(patienceMs / 2);
    expect(await watch()).toBe(0);
    world().clock.advance(patienceMs / 2);
    expect(await watch()).toBe(1);
    expect(world().rooms.dispatches).toEqual([{ roomName, agentName: 'parley', metadata: { modality: 'voice' } }]);
    expect(await stored(id)).toMatchObject({ dispatchAttempts: 1 });

    world().clock.advance(patienceMs - 1);
    expect(await watch()).toBe(0);
    world().clock.advance(1);
    expect(await watch()).toBe(1);
    expect(await stored(id)).toMatchObject({ dispatchAttempts: 2 });
  });

  it('gives the agent of a job that a worker has taken on its time', async () => {
    const { user, roomName } = await newSession();
    world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(patienceMs);
    const job = { kind: 'job', roomName, jobIdentity: 'agent-x' } as const;
    await acceptDispatch(world().context(job));
    world().clock.advance(joinMs - 1);
    expect(await watch()).toBe(0);
    world().clock.advance(1);
    expect(await watch()).toBe(1);
    const elsewhere = acceptDispatch(world().context({ ...job, roomName: 'room-unknown' }));
    await expect(elsewhere).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leaves rooms alone that have an agent, or nobody but strangers', async () => {
    const [served, strange] = [await newSession(), await newSession()];
    world().rooms.set(served.roomName, [person(served.user.userId), agent()]);
    world().rooms.set(strange.roomName, [person(served.user.userId)]);
    world().clock.advance(patienceMs * 3);
    expect(await watch()).toBe(0);
    expect(world().rooms.dispatches).toEqual([]);
  });

  it('replaces a job that is not heard of any more, long after the token has ended', async () => {
    const { user, ...session } = await newSession();
    await world().claim(user, session);
    world().rooms.set(session.roomName, [person(user.userId)]);
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    await world().claim(user, session, 'agent-next');
    world().clock.advance(lifetimes.leaseMs - 1);
    expect(await watch()).toBe(0);
    world().clock.advance(1);
    expect(await watch()).toBe(1);
  });

  it('asks about a session without a room while a token is valid, and not every time once none is', async () => {
    const { id } = await newSession();
    let asked = 0;
    const { rooms } = world();
    const counted = {
      existing: (names: string[]) => {
        asked += names.length;
        return rooms.existing(names);
      },
      dispatch: (...given: Parameters<typeof rooms.dispatch>) => rooms.dispatch(...given),
      tell: () => Promise.reject(new Error('there is nothing to tell')),
      removeParticipant: () => Promise.reject(new Error('nobody has to go')),
      participants: (name: string) => rooms.participants(name),
    };
    const watchFor = async (ms: number) => {
      asked = 0;
      for (let passedMs = 0; passedMs < ms; passedMs += joinMs) {
        world().clock.advance(joinMs);
        expect(await watchDispatches({ ...world().context(system), rooms: counted })).toBe(0);
      }
      return asked;
    };
    expect(await watchFor(3 * joinMs)).toBe(3);
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    expect(await watchFor(20 * joinMs)).toBe(1);
    expect(await stored(id)).toMatchObject({ endedAt: null });
  });

  it.each(['a new token', 'a claim'])('looks after a session it had let rest again with %s', async (what) => {
    const { user, id, roomName } = await newSession();
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    await watch();
    if (what === 'a claim') await world().claim(user, { id, roomName });
    else await issueToken(world().context(user), { room_name: roomName });
    world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(Math.max(patienceMs, lifetimes.leaseMs));
    expect(await watch()).toBe(1);
  });

  it('looks after an ended session again when a new token is asked for', async () => {
    const { user, id, roomName } = await newSession();
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    await endAbandonedSessions(world().context(system));
    expect((await stored(id))?.endedAt).toEqual(world().clock.now());
    world().clock.advance(patienceMs);
    world().rooms.allowed = false;
    expect(await watch()).toBe(0);
    world().rooms.allowed = true;
    await issueToken(world().context(user), { room_name: roomName });
    expect(await stored(id)).toMatchObject({ endedAt: null });
    world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(patienceMs);
    expect(await watch()).toBe(1);
  });

  it('dispatches once when two processes watch at the same time', async () => {
    const waiting = await Promise.all(Array.from({ length: 6 }, newSession));
    for (const { user, roomName } of waiting) world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(patienceMs);
    const rounds = await Promise.all([watch(), watch(), watch()]);
    expect(rounds.reduce((sum, count) => sum + count, 0)).toBe(6);
    const rooms = world().rooms.dispatches.map((dispatch) => dispatch.roomName);
    expect(rooms.toSorted()).toEqual(waiting.map((session) => session.roomName).toSorted());
  });

  it('serves the other sessions when one can not be looked at, and fails all the same', async () => {
    const [broken, waiting] = [await newSession(), await newSession()];
    for (const { user, roomName } of [broken, waiting]) world().rooms.set(roomName, [person(user.userId)]);
    world().clock.advance(patienceMs);
    const { rooms } = world();
    const flaky = {
      existing: (names: string[]) => rooms.existing(names),
      dispatch: (...given: Parameters<typeof rooms.dispatch>) => rooms.dispatch(...given),
      tell: () => Promise.reject(new Error('there is nothing to tell')),
      removeParticipant: () => Promise.reject(new Error('nobody has to go')),
      participants: (name: string) =>
        name === broken.roomName ? Promise.reject(new AppError('unavailable', 'away')) : rooms.participants(name),
    };
    const round = watchDispatches({ ...world().context(system), rooms: flaky });
    await expect(round).rejects.toMatchObject({ code: 'unavailable' });
    expect(rooms.dispatches.map((dispatch) => dispatch.roomName)).toEqual([waiting.roomName]);

    world().clock.advance(patienceMs);
    expect(await watch()).toBe(1);
    world().clock.advance(joinMs - patienceMs);
    expect(await watch()).toBe(2);
  });

  it('is for the service itself', async () => {
    const user = await world().newUser();
    await expect(watchDispatches(world().context(user))).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describeOnBothDatabases('the release of a session', (world) => {
  /** A call of some minutes whose person is away, and its release; the room stands unless a test says otherwise. */
  const startCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    world().clock.advance(lifetimes.heartbeatMs);
    await renewSession(world().context(agent), { sessionId: session.id });
    world().clock.advance(1_000);
    const { roomName } = session;
    const joinedAt = world().clock.now();
    const person = { identity: participantIdentityOf(user.userId), isAgent: false, joinedAt };
    const job = { identity: agent.jobIdentity, isAgent: true, joinedAt };
    world().rooms.set(roomName, [job]);
    world().rooms.dispatches.length = 0;
    const release = async () => {
      const context = world().context(agent);
      const released = await releaseSession(context, { sessionId: session.id, ending: 'person-left' });
      if (released) await dispatchForReturning(context, released);
      return world().rooms.dispatches.map((dispatch) => dispatch.roomName);
    };
    return { user, roomName, person, job, release };
  };

  it('dispatches at once for a person who is in the room again, and the watchdog gives that its time', async () => {
    const { roomName, person, job, release } = await startCall();
    world().rooms.set(roomName, [person, job]);
    expect(await release()).toEqual([roomName]);
    world().rooms.set(roomName, [person]);
    expect(await watchDispatches(world().context(system))).toBe(0);
    world().clock.advance(patienceMs - 1);
    expect(await watchDispatches(world().context(system))).toBe(0);
    world().clock.advance(1);
    expect(await watchDispatches(world().context(system))).toBe(1);
  });

  it('dispatches at once for a person who has fetched a token since the last heartbeat', async () => {
    const { user, roomName, release } = await startCall();
    await issueToken(world().context(user), { room_name: roomName });
    expect(await release()).toEqual([roomName]);
  });

  it('dispatches once, however often it is asked for', async () => {
    const { roomName, person, release } = await startCall();
    world().rooms.set(roomName, [person]);
    await release();
    expect(await release()).toEqual([roomName]);
  });

  it('dispatches for nobody when the person has gone, another agent is there, or there is no room any more', async () => {
    const gone = await startCall();
    expect(await gone.release()).toEqual([]);
    const served = await startCall();
    world().rooms.set(served.roomName, [served.person, { ...served.job, identity: 'agent-next' }]);
    expect(await served.release()).toEqual([]);
    const closed = await startCall();
    world().rooms.remove(closed.roomName);
    await issueToken(world().context(closed.user), { room_name: closed.roomName });
    expect(await closed.release()).toEqual([]);
  });

  it('stands when LiveKit can not be asked', async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const away = () => Promise.reject(new AppError('unavailable', 'away'));
    const rooms = { existing: away, participants: away, dispatch: away, tell: away, removeParticipant: away };
    const context = { ...world().context(agent), rooms };
    const released = await releaseSession(context, { sessionId: session.id, ending: 'person-left' });
    expect(released).toMatchObject({
      id: session.id,
      leaseExpiresAt: new Date(world().clock.now().getTime() + lifetimes.leaseMs),
    });
    if (released) await dispatchForReturning(context, released);
    await expect(world().claim(user, session)).resolves.toMatchObject({ kind: 'agent' });
  });

  it('lets a failure through that is not an outage of LiveKit', async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const broken = () => Promise.reject(new RangeError('broken'));
    const rooms = { existing: broken, participants: broken, dispatch: broken, tell: broken, removeParticipant: broken };
    const context = { ...world().context(agent), rooms };
    const released = await releaseSession(context, { sessionId: session.id, ending: 'person-left' });
    expect(released).not.toBeNull();
    if (released) await expect(dispatchForReturning(context, released)).rejects.toThrow(RangeError);
  });
});
