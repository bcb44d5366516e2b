import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import { type ApiWorld, openApiWorld } from './api-world.ts';
import { settings } from './world.ts';

const path = '/webhooks/livekit';

describe('the webhook of LiveKit', () => {
  let api: ApiWorld;
  const warn = vi.fn();
  beforeAll(async () => {
    const log = { warn, info: vi.fn(), error: vi.fn() };
    // Only what is used of a log is made.
    api = await openApiWorld(log as unknown as Log);
  });
  afterAll(() => api.close());

  const signed = async (body: string, { apiKey, apiSecret } = settings.livekit, of = body) => {
    const token = new AccessToken(apiKey, apiSecret, { ttl: 60 });
    token.sha256 = createHash('sha256').update(of).digest('base64');
    return { authorization: await token.toJwt(), 'content-type': 'application/webhook+json' };
  };
  const send = async (body: string) => (await api.send('POST', path, { body, headers: await signed(body) })).status;
  const newRoom = async () => {
    const user = await api.world.newUser();
    const { id, roomName } = await api.world.newSession(user);
    // Due at the end of a long rest.
    const dispatchCheckAt = new Date(api.world.clock.now().getTime() + 600_000);
    const rest = () => api.world.admin.update(sessions).set({ dispatchCheckAt }).where(eq(sessions.id, id));
    await rest();
    const dueInMs = async () => {
      const [row] = await api.world.admin.select().from(sessions).where(eq(sessions.id, id));
      return (row?.dispatchCheckAt.getTime() ?? 0) - api.world.clock.now().getTime();
    };
    const participant = { identity: participantIdentityOf(user.userId), kind: 'STANDARD' };
    return {
      rest,
      dueInMs,
      event: { event: 'participant_joined', id: newId(), room: { name: roomName }, participant },
    };
  };

  it('takes an event once, however often it is sent', async () => {
    const { rest, dueInMs, event } = await newRoom();
    expect(await send(JSON.stringify(event))).toBe(204);
    await expect.poll(dueInMs).toBe(lifetimes.dispatchAcceptMs);
    await rest();
    expect(await send(JSON.stringify(event))).toBe(204);
    const next = await newRoom();
    expect(await send(JSON.stringify(next.event))).toBe(204);
    await expect.poll(next.dueInMs).toBe(lifetimes.dispatchAcceptMs);
    expect(await dueInMs()).toBe(600_000);
  });

  it('passes over what tells of nobody, and fields that are new', async () => {
    const { event } = await newRoom();
    for (const other of [
      { ...event, event: 'room_finished', participant: undefined },
      { ...event, participant: undefined },
      { ...event, room: undefined },
      { event: 'an_event_of_next_year', id: newId(), news: 1 },
    ]) {
      expect(await send(JSON.stringify(other))).toBe(204);
    }
    expect(warn).not.toHaveBeenCalled();
  });

  it('refuses what the server has not signed, and says whose it is', async () => {
    const { event, dueInMs } = await newRoom();
    const body = JSON.stringify(event);
    const stranger = { ...settings.livekit, apiSecret: 'another-secret-of-32-characters-too' };
    for (const headers of [{}, await signed(body, stranger), await signed(body, settings.livekit, 'another body')]) {
      const answer = await api.send('POST', path, { body, headers });
      expect([answer.status, answer.body.detail]).toEqual([
        401,
        'This is for the LiveKit server, which signs what it sends',
      ]);
    }
    expect(await send('no JSON')).toBe(401);
    expect(await dueInMs()).toBe(600_000);
  });

  it('answers though what follows fails, and says so in the log', async () => {
    const { event } = await newRoom();
    const failing = { ...event, event: 'participant_left', participant: { identity: 'agent-x' } };
    vi.spyOn(api.world.rooms, 'participants').mockRejectedValueOnce(new RangeError('broken'));
    expect(await send(JSON.stringify(failing))).toBe(204);
    await expect.poll(() => warn.mock.calls.length).toBe(1);
  });
});
