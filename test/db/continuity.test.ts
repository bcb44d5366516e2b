import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import type { AgentActor, UserActor } from '../../domain/actor.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import { connectJob, loseJob, saveCheckpoint } from '../../services/continuity.ts';
import { watchDispatches } from '../../services/dispatches.ts';
import { claimSession, endAbandonedSessions, releaseSession, renewSession } from '../../services/sessions.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

describeOnBothDatabases('a call whose job is lost', (world) => {
  /** A call of some seconds, its person in the room with the agent `onboarding`. */
  const startCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const of = { sessionId: session.id };
    await saveCheckpoint(world().context(agent), { ...of, checkpoint: { agent: 'onboarding' } });
    world().clock.advance(1_000);
    await connectJob(world().context(agent), of);
    const joinedAt = world().clock.now();
    const person = { identity: participantIdentityOf(user.userId), isAgent: false, joinedAt };
    const job = { identity: agent.jobIdentity, isAgent: true, joinedAt };
    world().rooms.set(session.roomName, [person, job]);
    world().rooms.dispatches.length = 0;
    world().rooms.removals.length = 0;
    return { user, agent, session, of, person, job };
  };
  const lose = (agent: AgentActor, of: { sessionId: string }, meanwhile: () => Promise<unknown> = async () => {}) =>
    loseJob(world().context(agent), { ...of, wait: async () => void (await meanwhile()) });
  const claimAnew = ({ tenantId, userId }: UserActor, roomName: string) =>
    claimSession(world().context({ kind: 'job', roomName, jobIdentity: `agent-${tenantId}${userId}${newId()}` }));

  it('goes on at once with another job, where it was', async () => {
    const { user, agent, session, of } = await startCall();
    expect(await lose(agent, of)).toBe(true);
    expect(world().rooms.dispatches).toMatchObject([{ roomName: session.roomName, agentName: 'parley' }]);
    expect(world().rooms.removals).toEqual([{ roomName: session.roomName, identity: agent.jobIdentity }]);
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: { agent: 'onboarding' } });
    await expect(renewSession(world().context(agent), of)).rejects.toMatchObject({ code: 'conflict' });
    await expect(connectJob(world().context(agent), of)).rejects.toMatchObject({ code: 'conflict' });
    const checkpoint = { agent: 'concierge' } as const;
    const late = saveCheckpoint(world().context(agent), { ...of, checkpoint });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is left to the watchdog when the next job is lost as soon as it has come, and once only', async () => {
    const { user, agent, session, of, person } = await startCall();
    await lose(agent, of);
    world().rooms.set(session.roomName, [person]);
    const dispatchedIn = async (ms: number) => {
      world().rooms.dispatches.length = 0;
      for (const end = world().clock.now().getTime() + ms; world().clock.now().getTime() < end; ) {
        await watchDispatches(world().context(system));
        world().clock.advance(500);
      }
      return world().rooms.dispatches.filter(({ roomName }) => roomName === session.roomName).length;
    };
    const second = await world().claim(user, session);
    world().rooms.dispatches.length = 0;
    world().clock.advance(1_000);
    expect(await lose(second, of)).toBe(true);
    expect(world().rooms.dispatches).toEqual([]);
    expect(await dispatchedIn(settings.agentJoinTimeoutMs - 1_500)).toBe(0);
    expect(await dispatchedIn(1_500)).toBe(1);

    const third = await world().claim(user, session);
    world().clock.advance(settings.agentJoinTimeoutMs);
    world().rooms.dispatches.length = 0;
    expect(await lose(third, of)).toBe(true);
    expect(world().rooms.dispatches).toHaveLength(1);
  });

  it('is found lost once, however many find it', async () => {
    const { agent, of } = await startCall();
    const found = await Promise.all([lose(agent, of), lose(agent, of), lose(agent, of)]);
    expect(found.filter(Boolean)).toHaveLength(1);
    expect(world().rooms.dispatches).toHaveLength(1);
  });

  it('stays with a job that is heard of in time, or has given its lease back', async () => {
    const reconnected = await startCall();
    const reconnect = async () => {
      world().clock.advance(10);
      await connectJob(world().context(reconnected.agent), reconnected.of);
    };
    expect(await lose(reconnected.agent, reconnected.of, reconnect)).toBe(false);
    const released = await startCall();
    await releaseSession(world().context(released.agent), { ...released.of, ending: 'person-left' });
    expect(await lose(released.agent, released.of)).toBe(false);
    expect(world().rooms.dispatches).toEqual([]);
    expect(await claimAnew(released.user, released.session.roomName)).toMatchObject({ resume: null });
  });

  it.each(['moved', 'failed'] as const)('goes on where its job gave it up as %s', async (ending) => {
    const { user, agent, session, of } = await startCall();
    await releaseSession(world().context(agent), { ...of, ending });
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: { agent: 'onboarding' } });
  });

  it('begins anew for who comes back long after it', async () => {
    const { user, session, agent, of } = await startCall();
    await lose(agent, of);
    world().clock.advance(lifetimes.resumeMs);
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: null });
  });

  it('begins anew for who comes back to a session that was over', async () => {
    const { user, session, agent, of } = await startCall();
    await lose(agent, of);
    world().rooms.remove(session.roomName);
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    expect(await endAbandonedSessions(world().context(system))).toBeGreaterThanOrEqual(1);
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: null });
  });

  it('is nothing to go on from before its first agent', async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    await lose(agent, { sessionId: session.id });
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: null });
  });

  it('is left to the watchdog while LiveKit can not be asked', async () => {
    const { user, agent, session, of } = await startCall();
    const away = () => Promise.reject(new AppError('unavailable', 'away'));
    const rooms = { existing: away, participants: away, dispatch: away, tell: away, removeParticipant: away };
    expect(await loseJob({ ...world().context(agent), rooms }, { ...of, wait: async () => {} })).toBe(true);
    expect(await claimAnew(user, session.roomName)).toMatchObject({ resume: { agent: 'onboarding' } });
  });

  it('is over when its session was removed meanwhile', async () => {
    const { agent, of } = await startCall();
    const remove = () => world().admin.delete(sessions).where(eq(sessions.id, of.sessionId));
    expect(await lose(agent, of, remove)).toBe(false);
  });
});
