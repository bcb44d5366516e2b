import { eq } from 'drizzle-orm';
import { TokenVerifier } from 'livekit-server-sdk';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import type { TokenRequest } from '../../domain/token.ts';
import type { Rooms } from '../../services/rooms.ts';
import { issueToken } from '../../services/tokens.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings } from './world.ts';

const verifier = new TokenVerifier(settings.livekit.apiKey, settings.livekit.apiSecret);

describeOnBothDatabases('issuing a token', (world) => {
  const storedSession = async (id: string) => {
    const [session] = await world().admin.select().from(sessions).where(eq(sessions.id, id));
    return session;
  };

  it('makes a session whose room the token joins, as the user and with nothing more', async () => {
    const user = await world().newUser();
    const issued = await issueToken(world().context(user), {
      participant_name: 'Ann',
      participant_attributes: { a: '1' },
    });

    const claims = await verifier.verify(issued.participant_token);
    expect(claims).toMatchObject({ sub: participantIdentityOf(user.userId), name: 'Ann', attributes: { a: '1' } });
    expect(claims.kind).toBeUndefined();
    expect(claims.video).toEqual({
      roomJoin: true,
      room: issued.room_name,
      canPublish: true,
      canSubscribe: true,
      canPublishData: true,
      canUpdateOwnMetadata: false,
    });
    expect((claims.exp ?? 0) - (claims.nbf ?? 0)).toBe(settings.tokenTtlSeconds);
    expect(claims.roomConfig).toEqual({ agents: [{ agentName: 'parley', metadata: '{"modality":"voice"}' }] });
    expect(issued.server_url).toBe(settings.livekit.publicUrl);
    expect(await storedSession(issued.session_id)).toMatchObject({
      userId: user.userId,
      roomName: issued.room_name,
      agentName: 'parley',
      modality: 'voice',
      endedAt: null,
    });
  });

  it("hands the app's own metadata on to the agent it asks for", async () => {
    const user = await world().newUser();
    const issued = await issueToken(world().context(user), {
      room_config: { agents: [{ agent_name: 'oracy', metadata: '{"modality":"text","lesson":7}' }] },
    });
    const { roomConfig } = await verifier.verify(issued.participant_token);
    expect(roomConfig).toEqual({ agents: [{ agentName: 'oracy', metadata: '{"lesson":7,"modality":"text"}' }] });
  });

  it('finds the own session of a room again, with the agent it had', async () => {
    const user = await world().newUser();
    const request: TokenRequest = { room_config: { agents: [{ agent_name: 'oracy', metadata: '' }] } };
    const first = await issueToken(world().context(user), request);
    const again = await issueToken(world().context(user), { room_name: first.room_name });
    expect(again).toMatchObject({ session_id: first.session_id, room_name: first.room_name });
    expect((await verifier.verify(again.participant_token)).roomConfig?.agents[0]?.agentName).toBe('oracy');
  });

  it('makes one session of requests for one new room that come together', async () => {
    const user = await world().newUser();
    const room_name = `together-${user.userId}`;
    const issued = await Promise.all([1, 2, 3, 4].map(() => issueToken(world().context(user), { room_name })));
    expect(new Set(issued.map((token) => token.session_id)).size).toBe(1);
  });

  it("refuses the room of somebody else's session and says no more", async () => {
    const owner = await world().newUser();
    const { roomName } = await world().newSession(owner);
    const refused = issueToken(world().context(await world().newUser()), { room_name: roomName });
    await expect(refused).rejects.toMatchObject({ code: 'not_found', faults: [{ field: 'room_name' }] });
    await expect(refused).rejects.not.toThrow(owner.userId);
  });

  it.each<[string, TokenRequest, RegExp]>([
    ['participant_identity', { participant_identity: 'user-somebody' }, /chosen by the server/],
    ['participant_attributes.lk.agent.name', { participant_attributes: { 'lk.agent.name': 'x' } }, /reserved/],
    [
      'participant_attributes',
      { participant_attributes: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, ''])) },
      /at most 32/,
    ],
    [
      'room_config.agents.0.agent_name',
      { room_config: { agents: [{ agent_name: 'stranger', metadata: '' }] } },
      /not one of: parley, oracy/,
    ],
    [
      'room_config.agents.0.metadata',
      { room_config: { agents: [{ agent_name: '', metadata: 'modality=text' }] } },
      /JSON object/,
    ],
    [
      'room_config.agents.0.metadata',
      { room_config: { agents: [{ agent_name: '', metadata: '{"modality":"smell"}' }] } },
      /"voice" or "text"/,
    ],
  ])('refuses a wrong %s by its name', async (field, request, message) => {
    const refused = issueToken(world().context(await world().newUser()), request);
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', faults: [{ field }] });
    await expect(refused).rejects.toThrow(message);
  });

  it('takes the identity of the user, who may as well send it', async () => {
    const user = await world().newUser();
    const issued = issueToken(world().context(user), { participant_identity: participantIdentityOf(user.userId) });
    await expect(issued).resolves.toHaveProperty('participant_token');
  });

  it('is for users only', async () => {
    const user = await world().newUser();
    const agent = await world().claim(user, await world().newSession(user));
    await expect(issueToken(world().context(agent), {})).rejects.toMatchObject({ code: 'forbidden' });
  });

  describe('for a room to come back to', () => {
    const returning = async () => {
      const user = await world().newUser();
      return { user, session: await world().newSession(user) };
    };

    it('dispatches at once when the room stands without an agent', async () => {
      const { user, session } = await returning();
      world().rooms.set(session.roomName, []);
      await issueToken(world().context(user), { room_name: session.roomName });
      const dispatch = { roomName: session.roomName, agentName: 'parley', metadata: { modality: 'voice' } };
      expect(world().rooms.dispatches).toContainEqual(dispatch);
    });

    it.each(['has an agent', 'is gone', 'has a live lease'])('dispatches nothing when it %s', async (state) => {
      const { user, session } = await returning();
      if (state === 'has an agent') {
        world().rooms.set(session.roomName, [{ identity: 'agent-1', isAgent: true, joinedAt: world().clock.now() }]);
      }
      if (state === 'has a live lease') {
        world().rooms.set(session.roomName, []);
        await world().claim(user, session);
      }
      await issueToken(world().context(user), { room_name: session.roomName });
      expect(world().rooms.dispatches.filter((dispatch) => dispatch.roomName === session.roomName)).toEqual([]);
    });

    it('gives the token even when LiveKit can not be asked', async () => {
      const { user, session } = await returning();
      const away = () => Promise.reject(new AppError('unavailable', 'away'));
      const rooms: Rooms = { existing: away, participants: away, dispatch: away, tell: away, removeParticipant: away };
      const issued = await issueToken({ ...world().context(user), rooms }, { room_name: session.roomName });
      expect(issued.session_id).toBe(session.id);
    });

    it('opens an ended session again, as another version of it', async () => {
      const { user, session } = await returning();
      await world().admin.update(sessions).set({ endedAt: world().clock.now() }).where(eq(sessions.id, session.id));
      await issueToken(world().context(user), { room_name: session.roomName });
      expect(await storedSession(session.id)).toMatchObject({ endedAt: null, version: 2 });
      await issueToken(world().context(user), { room_name: session.roomName });
      expect(await storedSession(session.id)).toMatchObject({ version: 2 });
    });

    it('takes the agent that the new request names', async () => {
      const { user, session } = await returning();
      const agents = [{ agent_name: 'oracy', metadata: '{"lesson":8}' }];
      const request = { room_name: session.roomName, room_config: { agents } };
      const issued = await issueToken(world().context(user), request);
      const { roomConfig } = await verifier.verify(issued.participant_token);
      expect(roomConfig).toEqual({ agents: [{ agentName: 'oracy', metadata: '{"lesson":8,"modality":"voice"}' }] });
      expect(await storedSession(session.id)).toMatchObject({ agentName: 'oracy', version: 2 });
    });

    it('lets a failure through that is not an outage of LiveKit', async () => {
      const { user, session } = await returning();
      const broken = () => Promise.reject(new RangeError('broken'));
      const rooms: Rooms = {
        existing: broken,
        participants: broken,
        dispatch: broken,
        tell: broken,
        removeParticipant: broken,
      };
      const issuing = issueToken({ ...world().context(user), rooms }, { room_name: session.roomName });
      await expect(issuing).rejects.toThrow(RangeError);
    });
  });
});
