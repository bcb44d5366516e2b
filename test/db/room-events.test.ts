import { eq } from 'drizzle-orm';
import { afterEach, expect, it } from 'vitest';
import { lifetimes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import { acceptDispatch, watchDispatches } from '../../services/dispatches.ts';
import { followRoom, type RoomEvent } from '../../services/room-events.ts';
import { renewSession } from '../../services/sessions.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

describeOnBothDatabases('what LiveKit tells of rooms', (world) => {
  const follow = (event: RoomEvent, wait = async () => {}) => followRoom(world().context(system), { event, wait });
  const newPerson = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    const identity = participantIdentityOf(user.userId);
    const person = { identity, isAgent: false, joinedAt: world().clock.now() };
    world().rooms.dispatches.length = 0;
    return { user, session, roomName: session.roomName, identity, person };
  };
  const watch = () => watchDispatches(world().context(system));

  // Each test counts on being the only one with anything due.
  afterEach(async () => void (await world().admin.delete(sessions)));

  it('has a person looked after as soon as their dispatch may be lost, not when the next round over all comes', async () => {
    const { roomName, identity, person } = await newPerson();
    world().clock.advance(lifetimes.dispatchAcceptMs);
    expect(await watch()).toBe(0);
    world().clock.advance(1);
    world().rooms.set(roomName, [{ ...person, joinedAt: world().clock.now() }]);
    await follow({ roomName, identity, change: 'joined' });
    await follow({ roomName, identity, change: 'joined' });
    world().clock.advance(lifetimes.dispatchAcceptMs - 1);
    expect(await watch()).toBe(0);
    world().clock.advance(1);
    expect(await watch()).toBe(1);
  });

  it('leaves the agent its time whose job a worker has taken on', async () => {
    const { roomName, identity, person } = await newPerson();
    world().rooms.set(roomName, [person]);
    await acceptDispatch(world().context({ kind: 'job', roomName, jobIdentity: 'agent-x' }));
    await follow({ roomName, identity, change: 'joined' });
    world().clock.advance(lifetimes.dispatchAcceptMs);
    expect(await watch()).toBe(0);
  });

  it('loses a job whose agent is gone while its person is there, unless it is heard of in time', async () => {
    const { user, session, roomName, person } = await newPerson();
    const agent = await world().claim(user, session);
    world().rooms.set(roomName, [person]);
    const left = { roomName, identity: agent.jobIdentity, change: 'left' } as const;
    world().clock.advance(1_000);
    await follow(left, async () => void (await renewSession(world().context(agent), { sessionId: session.id })));
    expect(world().rooms.dispatches).toEqual([]);
    await follow(left);
    expect(world().rooms.dispatches).toMatchObject([{ roomName }]);
    await follow(left);
    expect(world().rooms.dispatches).toHaveLength(1);
  });

  it('has nothing to do where nobody is left, somebody else comes or goes, or the session is over', async () => {
    const { user, session, roomName, identity, person } = await newPerson();
    const agent = await world().claim(user, session);
    world().rooms.set(roomName, []);
    await follow({ roomName, identity: agent.jobIdentity, change: 'left' });
    world().rooms.set(roomName, [person]);
    await follow({ roomName, identity: 'agent-other', change: 'left' });
    const stored = async () => {
      const [row] = await world().admin.select().from(sessions).where(eq(sessions.id, session.id));
      return row;
    };
    const before = await stored();
    await follow({ roomName, identity: 'somebody', change: 'joined' });
    await follow({ roomName: 'room-unknown', identity, change: 'joined' });
    expect(await stored()).toEqual(before);
    await world().admin.update(sessions).set({ endedAt: world().clock.now() }).where(eq(sessions.id, session.id));
    await follow({ roomName, identity: agent.jobIdentity, change: 'left' });
    expect(world().rooms.dispatches).toEqual([]);
  });
});
