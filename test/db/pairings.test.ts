import { eq } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { pairingEvents } from '../../db/schema/pairing-events.ts';
import { pairings } from '../../db/schema/pairings.ts';
import { sessions } from '../../db/schema/sessions.ts';
import type { UserActor } from '../../domain/actor.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import { type NewPairing, pairingsPerUser } from '../../domain/pairing.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { publishToPairing, readPairingEvents } from '../../services/pairing-events.ts';
import { expirePairings } from '../../services/pairing-expiry.ts';
import {
  enterPairing,
  issuePairingToken,
  keepPairing,
  leavePairing,
  watchPairings,
} from '../../services/pairing-presence.ts';
import { createPairing, endPairing, getPairing, listPairings, renewPairingCode } from '../../services/pairings.ts';
import { removeSpentPairings } from '../../services/retention.ts';
import type { Rooms } from '../../services/rooms.ts';
import { endSession } from '../../services/session-records.ts';
import { appendTurn } from '../../services/turns.ts';
import { withActor } from '../../services/with-actor.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

const minuteMs = 60_000;

describeOnBothDatabases('pairings', (world) => {
  const pair = (user: UserActor, input: NewPairing = {}) => createPairing(world().context(user), input);
  const claim = (user: UserActor, code: string, id?: string) => claimPairing(world().context(user), { code, id });
  const eventsOf = async (user: UserActor, pairingId: string, after = 0) =>
    (await readPairingEvents(world().context(user), { pairingId, after })).events.map(({ event }) => event);
  const expire = () => expirePairings(world().context(system));
  /** A pairing whose phone is there. */
  const newPaired = async (input: NewPairing = {}) => {
    const user = await world().newUser();
    const { pairing, code } = await pair(user, input);
    return { user, id: pairing.id, sessionId: pairing.sessionId, paired: await claim(user, code) };
  };

  it('are made with a session that begins with the dictation agent', async () => {
    const user = await world().newUser();
    const { pairing, code, qrPayload } = await pair(user, { language: 'nl' });
    expect(qrPayload).toBe(`parley-pairing:?id=${pairing.id}&code=${code}`);
    expect(pairing).toMatchObject({ codeState: 'open', phoneEpoch: 0, claimedAt: null, endedAt: null });
    const [session] = await world().admin.select().from(sessions).where(eq(sessions.id, pairing.sessionId));
    const metadata = world().cipher.open(`sessions.app_metadata:${session?.id}`, session?.appMetadata ?? ('' as never));
    expect(JSON.parse(metadata)).toEqual({ agent: 'dictation', language: 'nl' });
  });

  it('keep no code that could be read', async () => {
    const { pairing, code } = await pair(await world().newUser());
    const rows = await world().admin.select().from(pairings).where(eq(pairings.id, pairing.id));
    expect(JSON.stringify(rows)).not.toContain(code);
    expect(rows[0]?.codeIndex).toBe(world().cipher.index('pairing-code', code));
  });

  it('take an open session of the user, once at a time', async () => {
    const user = await world().newUser();
    const { id: sessionId } = await world().newSession(user);
    const other = await world().newUser();
    await expect(pair(other, { sessionId })).rejects.toMatchObject({ code: 'not_found' });
    const { pairing } = await pair(user, { sessionId });
    expect(pairing.sessionId).toBe(sessionId);
    await expect(pair(user, { sessionId })).rejects.toMatchObject({ code: 'conflict' });
    await endPairing(world().context(user), { pairingId: pairing.id });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => pair(user, { sessionId })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('take a session again whose pairing has run out, and no session that has ended', async () => {
    const user = await world().newUser();
    const { id: sessionId } = await world().newSession(user);
    const { pairing } = await pair(user, { sessionId });
    world().clock.advance(lifetimes.pairingCodeMs);
    await pair(user, { sessionId });
    expect(await getPairing(world().context(user), { pairingId: pairing.id })).toMatchObject({ endReason: 'expired' });
    expect(await eventsOf(user, pairing.id)).toEqual([{ type: 'ended', reason: 'expired' }]);
    const { id: ended } = await world().newSession(user);
    await endSession(world().context(user), { sessionId: ended });
    await expect(pair(user, { sessionId: ended })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('are a few at a time, however many are asked for at once', async () => {
    const user = await world().newUser();
    const outcomes = await Promise.allSettled(Array.from({ length: pairingsPerUser + 2 }, () => pair(user)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(pairingsPerUser);
    const context = world().context(user);
    const first = await listPairings(context, { limit: 3 });
    const second = await listPairings(context, { after: first.next ?? undefined });
    expect([first.items.length, second.items.length, second.next]).toEqual([3, pairingsPerUser - 3, null]);
    await endPairing(context, { pairingId: first.items[0]?.id ?? '' });
    expect((await pair(user)).pairing.codeState).toBe('open');
  });

  it('end with their code when nobody claims it', async () => {
    const user = await world().newUser();
    const { pairing, code } = await pair(user);
    const context = world().context(user);
    await enterPairing(context, { pairingId: pairing.id, end: 'computer' });
    world().clock.advance(lifetimes.pairingCodeMs);
    await expect(renewPairingCode(context, { pairingId: pairing.id })).rejects.toMatchObject({ code: 'conflict' });
    await expect(claim(user, code)).rejects.toMatchObject({ message: /has expired/ });
    expect(await enterPairing(context, { pairingId: pairing.id, end: 'computer' })).toMatchObject({
      endReason: 'expired',
      lastSequence: 2,
    });
    expect(await eventsOf(user, pairing.id, 1)).toEqual([{ type: 'ended', reason: 'expired' }]);
  });

  it('are taken over by a second phone, and the first one is out', async () => {
    const { user, id } = await newPaired();
    const context = world().context(user);
    const first = { pairingId: id, end: 'phone', phoneEpoch: 1 } as const;
    await enterPairing(context, first);
    const { code } = await renewPairingCode(context, { pairingId: id });
    world().rooms.removals.length = 0;
    const taken = await claim(user, code);
    expect(taken.phoneEpoch).toBe(2);
    expect(world().rooms.removals.map(({ identity }) => identity)).toEqual([`user-${user.userId}`]);
    expect(await eventsOf(user, id, 2)).toEqual([
      { type: 'taken-over', phoneEpoch: 2 },
      { type: 'paired', phoneEpoch: 2 },
    ]);
    await expect(enterPairing(context, first)).rejects.toMatchObject({ code: 'conflict' });
    await expect(issuePairingToken(context, first)).rejects.toMatchObject({ code: 'conflict' });
    const second = { ...first, phoneEpoch: 2 };
    expect((await enterPairing(context, second)).phoneEpoch).toBe(2);
    expect((await issuePairingToken(context, second)).session_id).toBe(taken.sessionId);
  });

  it('end once when they are unpaired, and both ends are out of the room', async () => {
    const { user, id } = await newPaired();
    const context = world().context(user);
    world().rooms.removals.length = 0;
    const ended = await endPairing(context, { pairingId: id });
    expect(ended).toMatchObject({ endReason: 'unpaired', lastSequence: 2 });
    expect(await endPairing(context, { pairingId: id })).toEqual(ended);
    expect(world().rooms.removals.map(({ identity }) => identity)).toEqual([
      `user-${user.userId}-computer`,
      `user-${user.userId}`,
    ]);
    await leavePairing(context, { pairingId: id, end: 'computer' });
    expect(await eventsOf(user, id, 1)).toEqual([{ type: 'ended', reason: 'unpaired' }]);
    expect(await enterPairing(context, { pairingId: id, end: 'computer' })).toEqual(ended);
    await expect(issuePairingToken(context, { pairingId: id, end: 'computer' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('end although LiveKit is away, and hide no fault of ours', async () => {
    const [one, other] = [await newPaired(), await newPaired()];
    const failing = (error: Error): Rooms => {
      const fail = () => Promise.reject(error);
      return { existing: fail, participants: fail, dispatch: fail, tell: fail, removeParticipant: fail };
    };
    const away = { ...world().context(one.user), rooms: failing(new AppError('unavailable', 'away')) };
    expect(await endPairing(away, { pairingId: one.id })).toMatchObject({ endReason: 'unpaired' });
    const broken = { ...world().context(other.user), rooms: failing(new RangeError('broken')) };
    await expect(endPairing(broken, { pairingId: other.id })).rejects.toThrow(RangeError);
  });

  it('give the phone a voice and the computer ears', async () => {
    const { user, id, sessionId } = await newPaired();
    const context = world().context(user);
    const phone = await issuePairingToken(context, { pairingId: id, end: 'phone', phoneEpoch: 1 });
    const computer = await issuePairingToken(context, { pairingId: id, end: 'computer' });
    expect([phone.session_id, computer.session_id, computer.room_name]).toEqual([
      sessionId,
      sessionId,
      phone.room_name,
    ]);
    expect(decodeJwt(phone.participant_token)).toMatchObject({
      sub: `user-${user.userId}`,
      video: { room: phone.room_name, canPublish: true, canSubscribe: true, canPublishData: true },
    });
    expect(decodeJwt(computer.participant_token)).toMatchObject({
      sub: `user-${user.userId}-computer`,
      video: { room: phone.room_name, canPublish: false, canSubscribe: true, canPublishData: false },
      roomConfig: { agents: [{ agentName: 'parley' }] },
    });
  });

  it('live as long as one end is heard of, and twelve hours longer', async () => {
    const { user, id, paired } = await newPaired();
    const context = world().context(user);
    world().clock.advance(60 * minuteMs);
    await keepPairing(context, { pairingId: id });
    world().clock.advance(lifetimes.pairingMs - minuteMs);
    await expire();
    expect(await getPairing(context, { pairingId: id })).toMatchObject({ endedAt: null });
    await leavePairing(context, { pairingId: id, end: 'phone' });
    world().clock.advance(lifetimes.pairingMs);
    world().rooms.removals.length = 0;
    const counts = await Promise.all([expire(), expire(), expire()]);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(0);
    expect(await eventsOf(user, id, paired.lastSequence)).toEqual([
      { type: 'phone-disconnected' },
      { type: 'ended', reason: 'expired' },
    ]);
    expect(world().rooms.removals.filter(({ identity }) => identity === `user-${user.userId}`)).toHaveLength(1);
    expect(await expire()).toBe(0);
  });

  it('tell an end that slept for an hour all it has missed', async () => {
    const { user, id, sessionId, paired } = await newPaired();
    const [session] = await world().admin.select().from(sessions).where(eq(sessions.id, sessionId));
    const agent = await world().claim(user, { id: sessionId, roomName: session?.roomName ?? '' });
    const said: string[] = [];
    for (let minute = 0; minute < 60; minute += 1) {
      world().clock.advance(minuteMs);
      const saidAt = world().clock.now().toISOString();
      const turn = newTurnSchema.parse({ id: newId(), speaker: 'user', text: `element ${minute}`, saidAt });
      await appendTurn(world().context(agent), { sessionId, turn });
      // Sent again, as after a lost answer, it is told once.
      await appendTurn(world().context(agent), { sessionId, turn });
      said.push(turn.text);
    }
    const context = world().context(user);
    const read = await readPairingEvents(context, { pairingId: id, after: paired.lastSequence });
    expect(read.isComplete).toBe(true);
    expect(read.events.map(({ sequence }) => sequence)).toEqual(said.map((_text, index) => index + 2));
    expect(read.events.map(({ event }) => (event.type === 'turn' ? event.turn.text : event.type))).toEqual(said);
    const rows = await world().admin.select().from(pairingEvents).where(eq(pairingEvents.pairingId, id));
    expect(JSON.stringify(rows)).not.toContain('element');
  });

  it('tell nothing of a transaction that is rolled back, and announce what is committed', async () => {
    const { user, id, sessionId } = await newPaired();
    const heard: string[] = [];
    world().services.pairingBus.listen((pairingId) => heard.push(pairingId));
    const context = world().context(user);
    const undone = withActor(context, async (tx) => {
      await publishToPairing(context, tx, sessionId, { type: 'code-locked' });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect([await eventsOf(user, id, 1), heard]).toEqual([[], []]);
    await withActor(context, (tx) => publishToPairing(context, tx, sessionId, { type: 'code-locked' }));
    expect([await eventsOf(user, id, 1), heard]).toEqual([[{ type: 'code-locked' }], [id]]);
    const watched = await watchPairings(world().context(system), { ids: [id, newId()] });
    expect(watched).toEqual(new Map([[id, 2]]));
  });

  it('number what is told at once without holes or doubles', async () => {
    const { user, id, sessionId } = await newPaired();
    const context = world().context(user);
    await Promise.all(
      Array.from({ length: 30 }, () =>
        withActor(context, (tx) => publishToPairing(context, tx, sessionId, { type: 'code-locked' })),
      ),
    );
    const { events } = await readPairingEvents(context, { pairingId: id, after: 0 });
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 31 }, (_value, index) => index + 1));
  });

  it('say when what was missed is kept no longer', async () => {
    const { user, id } = await newPaired();
    const context = world().context(user);
    world().clock.advance(lifetimes.pairingMs - 1);
    await keepPairing(context, { pairingId: id });
    world().clock.advance(2);
    expect(await removeSpentPairings(world().context(system), { rowsPerBatch: 1 })).toBeGreaterThan(0);
    const missed = await readPairingEvents(context, { pairingId: id, after: 0 });
    expect(missed).toEqual({ events: [], isComplete: false, lastSequence: 1 });
    expect(await readPairingEvents(context, { pairingId: id, after: 1 })).toMatchObject({ isComplete: true });
    expect(await readPairingEvents(context, { pairingId: id, after: 5 })).toMatchObject({ isComplete: false });
  });

  it('are removed a day after they ended', async () => {
    const { user, id } = await newPaired();
    const context = world().context(user);
    await endPairing(context, { pairingId: id });
    world().clock.advance(lifetimes.endedPairingMs);
    await removeSpentPairings(world().context(system));
    expect(await getPairing(context, { pairingId: id })).toMatchObject({ endReason: 'unpaired' });
    world().clock.advance(1);
    await removeSpentPairings(world().context(system));
    await expect(getPairing(context, { pairingId: id })).rejects.toMatchObject({ code: 'not_found' });
  });
});
