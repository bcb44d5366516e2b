import { eq } from 'drizzle-orm';
import { afterEach, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { callEndingSchema, participantIdentityOf } from '../../domain/session.ts';
import { claimSession, endAbandonedSessions, releaseSession, renewSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

describeOnBothDatabases('sessions', (world) => {
  const newSession = async () => {
    const user = await world().newUser();
    return { user, session: await world().newSession(user) };
  };
  const claimAs = (jobIdentity: string, roomName: string) =>
    claimSession(world().context({ kind: 'job', roomName, jobIdentity }));

  it('are claimed by the job of their room, which gets a token for exactly this session', async () => {
    const { user, session } = await newSession();
    const claim = await claimAs('agent-a', session.roomName);
    expect(claim).toMatchObject({
      session: { id: session.id, roomName: session.roomName, agentName: 'parley', modality: 'voice', endedAt: null },
      participantIdentity: participantIdentityOf(user.userId),
    });
    expect(await world().sessionTokens.verify(claim.sessionToken)).toEqual({
      tenantId: user.tenantId,
      sessionId: session.id,
      userId: user.userId,
      jobIdentity: 'agent-a',
    });
    const lifetimeMs = new Date(claim.expiresAt).getTime() - world().clock.now().getTime();
    expect(Math.ceil(lifetimeMs / 1_000)).toBe(lifetimes.sessionTokenSeconds);
  });

  it('give a token that ends', async () => {
    const { session } = await newSession();
    const { sessionToken } = await claimAs('agent-a', session.roomName);
    world().clock.advance(lifetimes.sessionTokenSeconds * 1_000);
    expect(await world().sessionTokens.verify(sessionToken)).toBeNull();
  });

  it('are not found for a room nobody has a session in', async () => {
    await expect(claimAs('agent-a', 'no-such-room')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('have one job at a time: the same one may claim again, another one not before the lease ends', async () => {
    const { session } = await newSession();
    await claimAs('agent-a', session.roomName);
    await expect(claimAs('agent-a', session.roomName)).resolves.toHaveProperty('sessionToken');
    world().clock.advance(lifetimes.leaseMs - 1);
    await expect(claimAs('agent-b', session.roomName)).rejects.toMatchObject({ code: 'conflict' });
    world().clock.advance(1);
    await expect(claimAs('agent-b', session.roomName)).resolves.toHaveProperty('sessionToken');
  });

  it('go to exactly one of many jobs that claim together', async () => {
    const { session } = await newSession();
    const claims = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => claimAs(`agent-${index}`, session.roomName)),
    );
    expect(claims.filter((claim) => claim.status === 'fulfilled')).toHaveLength(1);
    for (const claim of claims) {
      if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'conflict' });
    }
  });

  it('stay with the job that sends heartbeats', async () => {
    const { user, session } = await newSession();
    const agent = await world().claim(user, session, 'agent-a');
    for (let beat = 0; beat < 3; beat += 1) {
      world().clock.advance(lifetimes.leaseMs - 1);
      const renewal = await renewSession(world().context(agent), { sessionId: session.id });
      expect(await world().sessionTokens.verify(renewal.sessionToken)).toMatchObject({ jobIdentity: 'agent-a' });
    }
    await expect(claimAs('agent-b', session.roomName)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('can be renewed late while nobody else took them, and no more once somebody did', async () => {
    const { user, session } = await newSession();
    const agent = await world().claim(user, session, 'agent-a');
    world().clock.advance(lifetimes.leaseMs * 2);
    await renewSession(world().context(agent), { sessionId: session.id });
    world().clock.advance(lifetimes.leaseMs);
    await claimAs('agent-b', session.roomName);
    const late = renewSession(world().context(agent), { sessionId: session.id });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
  });

  it.each(callEndingSchema.options)(
    'are free at once when their job releases them (%s), and only when it still holds them',
    async (ending) => {
      const { user, session } = await newSession();
      const first = await world().claim(user, session, 'agent-a');
      await releaseSession(world().context(first), { sessionId: session.id, ending });
      await world().claim(user, session, 'agent-b');
      await releaseSession(world().context(first), { sessionId: session.id, ending });
      await expect(claimAs('agent-c', session.roomName)).rejects.toMatchObject({ code: 'conflict' });
    },
  );

  it('open again when they are claimed after their end', async () => {
    const { session } = await newSession();
    const db = world().admin;
    await db.update(sessions).set({ endedAt: world().clock.now() }).where(eq(sessions.id, session.id));
    expect((await claimAs('agent-a', session.roomName)).session.endedAt).toBeNull();
  });

  it('are not found for the agent of another session, of the same user or not', async () => {
    const { user, session } = await newSession();
    await world().claim(user, session);
    const neighbour = await world().claim(user, await world().newSession(user));
    for (const verb of [renewSession, releaseSession]) {
      const refused = verb(world().context(neighbour), { sessionId: session.id, ending: 'moved' });
      await expect(refused).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('are claimed by jobs and kept by agents, by nobody else', async () => {
    const { user, session } = await newSession();
    const agent = await world().claim(user, session);
    for (const actor of [user, agent]) {
      await expect(claimSession(world().context(actor))).rejects.toMatchObject({ code: 'forbidden' });
    }
    for (const verb of [renewSession, releaseSession]) {
      for (const actor of [user, { kind: 'job', roomName: session.roomName, jobIdentity: newId() } as const]) {
        const refused = verb(world().context(actor), { sessionId: session.id, ending: 'moved' });
        await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
      }
    }
  });
});

describeOnBothDatabases('abandoned sessions', (world) => {
  const tokenMs = settings.tokenTtlSeconds * 1_000;
  const newSession = async () => {
    const user = await world().newUser();
    return { user, ...(await world().newSession(user)) };
  };
  const end = () => endAbandonedSessions(world().context(system));
  const endedAtOf = async (id: string) => {
    const db = world().admin;
    const [session] = await db.select({ endedAt: sessions.endedAt }).from(sessions).where(eq(sessions.id, id));
    return session?.endedAt;
  };

  // Each test counts on being the only one with sessions.
  afterEach(() => world().admin.delete(sessions));

  it('are ended when they have neither a valid token nor a lease nor a room, once', async () => {
    const { user, ...session } = await newSession();
    await world().claim(user, session);
    world().clock.advance(tokenMs);
    const endedAt = world().clock.now();
    expect(await end()).toBe(1);
    expect(await endedAtOf(session.id)).toEqual(endedAt);
    world().clock.advance(1);
    expect(await end()).toBe(0);
    expect(await endedAtOf(session.id)).toEqual(endedAt);
  });

  it('are none as long as a token is valid, whatever else is missing', async () => {
    const { user, id, roomName } = await newSession();
    world().clock.advance(tokenMs - 1);
    expect(await end()).toBe(0);
    await issueToken(world().context(user), { room_name: roomName });
    world().clock.advance(tokenMs - 1);
    expect(await end()).toBe(0);
    expect(await endedAtOf(id)).toBeNull();
    world().clock.advance(1);
    expect(await end()).toBe(1);
  });

  it('are none as long as a lease lives', async () => {
    const { user, ...session } = await newSession();
    world().clock.advance(tokenMs);
    await world().claim(user, session);
    world().clock.advance(lifetimes.leaseMs - 1);
    expect(await end()).toBe(0);
    expect(await endedAtOf(session.id)).toBeNull();
    world().clock.advance(1);
    expect(await end()).toBe(1);
  });

  it('are none as long as the room stands', async () => {
    const { id, roomName } = await newSession();
    world().rooms.set(roomName, []);
    world().clock.advance(tokenMs);
    expect(await end()).toBe(0);
    expect(await endedAtOf(id)).toBeNull();
    world().rooms.remove(roomName);
    expect(await end()).toBe(1);
  });

  it('stay open when a token comes while LiveKit is asked', async () => {
    const [returned, gone] = [await newSession(), await newSession()];
    world().clock.advance(tokenMs);
    const { rooms } = world();
    const slow = {
      existing: async (names: string[]) => {
        const existing = await rooms.existing(names);
        await issueToken(world().context(returned.user), { room_name: returned.roomName });
        return existing;
      },
      dispatch: () => Promise.reject(new Error('nobody waits')),
      participants: () => Promise.reject(new Error('nobody needs to know')),
      tell: () => Promise.reject(new Error('there is nothing to tell')),
      removeParticipant: () => Promise.reject(new Error('nobody has to go')),
    };
    expect(await endAbandonedSessions({ ...world().context(system), rooms: slow })).toBe(1);
    expect(await endedAtOf(returned.id)).toBeNull();
    expect(await endedAtOf(gone.id)).not.toBeNull();
  });

  it('are asked about many at once, and those with a room hide none of the others', async () => {
    const user = await world().newUser();
    const made = await Promise.all(Array.from({ length: 120 }, () => world().newSession(user)));
    const standing = made.slice(0, 110);
    for (const { roomName } of standing) world().rooms.set(roomName, []);
    world().clock.advance(tokenMs);
    const { rooms } = world();
    let questions = 0;
    const counted = {
      existing: (names: string[]) => {
        questions += 1;
        return rooms.existing(names);
      },
      dispatch: () => Promise.reject(new Error('nobody waits')),
      participants: () => Promise.reject(new Error('nobody needs to know')),
      tell: () => Promise.reject(new Error('there is nothing to tell')),
      removeParticipant: () => Promise.reject(new Error('nobody has to go')),
    };
    expect(await endAbandonedSessions({ ...world().context(system), rooms: counted })).toBe(10);
    expect(questions).toBe(2);
    for (const { roomName } of standing) world().rooms.remove(roomName);
    expect((await Promise.all([end(), end(), end()])).reduce((sum, count) => sum + count, 0)).toBe(110);
  });

  it('stay as they are while LiveKit can not be asked', async () => {
    const { id } = await newSession();
    world().clock.advance(tokenMs);
    const away = () => Promise.reject(new AppError('unavailable', 'away'));
    const rooms = { existing: away, dispatch: away, participants: away, tell: away, removeParticipant: away };
    const ending = endAbandonedSessions({ ...world().context(system), rooms });
    await expect(ending).rejects.toMatchObject({ code: 'unavailable' });
    expect(await endedAtOf(id)).toBeNull();
    expect(await end()).toBe(1);
  });

  it('are for the service itself to end', async () => {
    const user = await world().newUser();
    await expect(endAbandonedSessions(world().context(user))).rejects.toMatchObject({ code: 'forbidden' });
  });
});
