import { describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { lifetimes, sizes } from '../../core/limits.ts';
import { turnSchema } from '../../domain/conversation.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { publishToPairing } from '../../services/pairing-events.ts';
import { keepPairing } from '../../services/pairing-presence.ts';
import { endPairing, getPairing, renewPairingCode } from '../../services/pairings.ts';
import { removeSpentPairings } from '../../services/retention.ts';
import { withActor } from '../../services/with-actor.ts';
import { randomFrom } from '../support/random.ts';
import { pairingWorld } from './pairing-world.ts';
import { system } from './world.ts';

describe('the WebSocket of a pairing', () => {
  const { world, serve, stop, serveApart, tokenOf, newPaired, open, connect, say } = pairingWorld();

  it('tells both ends what happens, from the beginning or from where they were', async () => {
    const { id, token } = await newPaired();
    const computer = await connect(id, { end: 'computer', token });
    const phone = await connect(id, { end: 'phone', phoneEpoch: 1, token, after: 2 });
    await computer.event('phone-connected');
    await phone.event('phone-connected');
    expect([computer.sequences, phone.sequences]).toEqual([[1, 2, 3], [3]]);
    phone.socket.close();
    await computer.event('phone-disconnected');
    computer.send({ type: 'ping' });
    await computer.next('pong');
  });

  it("takes either end's operations on the note, and shows both what became of it", async () => {
    const { id, token } = await newPaired();
    const computer = await connect(id, { end: 'computer', token });
    const phone = await connect(id, { end: 'phone', phoneEpoch: 1, token });
    const segment = { id: newId(), raw: 'zes en twintig', text: '26', edits: [], saidAt: new Date().toISOString() };
    const operation = { type: 'operation', id: newId(), operation: { type: 'write', segment } };
    phone.send(operation);
    phone.send(operation);
    expect(await phone.next('operation-result')).toEqual({ type: 'operation-result', id: operation.id });
    expect(JSON.stringify(await computer.event('note'))).toContain('"text":"26"');
    const [bad, missing] = [newId(), newId()];
    computer.send({ type: 'operation', id: bad, operation: { type: 'rub-out' } });
    computer.send({ type: 'operation', id: missing, operation: { type: 'revise', segmentId: newId(), text: '27' } });
    const result = (wanted: string) => computer.next('operation-result', ({ id: given }) => given === wanted);
    expect((await result(bad)).error).toMatchObject({ code: 'invalid_input' });
    expect((await result(missing)).error).toMatchObject({ code: 'not_found' });
    const notes = computer.messages.filter((message) => message.type === 'event' && message.event.type === 'note');
    expect(notes).toHaveLength(1);
  });

  it('tells a phone that another one has taken over, and lets it in no more', async () => {
    const { id, token, context } = await newPaired();
    const computer = await connect(id, { end: 'computer', token });
    const first = await connect(id, { end: 'phone', phoneEpoch: 1, token });
    const { code } = await renewPairingCode(context, { pairingId: id });
    await claimPairing(context, { code });
    expect(await first.closed).toBe(4001);
    expect(await first.event('taken-over')).toEqual({ type: 'taken-over', phoneEpoch: 2 });
    const again = await open(id);
    again.send({ type: 'hello', end: 'phone', phoneEpoch: 1, token, after: 3 });
    expect(await again.closed).toBe(4001);
    const second = await connect(id, { end: 'phone', phoneEpoch: 2, token });
    await second.event('phone-connected');
    await computer.event('taken-over');
    expect([second, computer].map(({ socket }) => socket.readyState)).toEqual([1, 1]);
  });

  it('tells both ends when it is over, also the one that was away', async () => {
    const { id, token, context } = await newPaired();
    const computer = await connect(id, { end: 'computer', token });
    const phone = await connect(id, { end: 'phone', phoneEpoch: 1, token });
    const away = await connect(id, { end: 'computer', token });
    away.socket.terminate();
    await endPairing(context, { pairingId: id });
    expect(await Promise.all([computer.closed, phone.closed])).toEqual([4000, 4000]);
    expect(await computer.event('ended')).toEqual({ type: 'ended', reason: 'unpaired' });
    const { lastSequence } = await getPairing(context, { pairingId: id });
    for (const after of [0, lastSequence]) {
      const back = await connect(id, { end: 'computer', token, after });
      expect(await back.closed).toBe(4000);
      expect(back.sequences).toEqual(Array.from({ length: lastSequence - after }, (_value, index) => index + 1));
    }
  });

  it('loses and doubles nothing, however often a client is cut off', async () => {
    const { id, token, context, sessionId } = await newPaired();
    const random = randomFrom(20_261_120);
    const received: number[] = [];
    let client = await connect(id, { end: 'computer', token });
    const cutOff = async () => {
      client.socket.terminate();
      await client.closed;
      received.push(...client.sequences);
      client = await connect(id, { end: 'computer', token, after: received.at(-1) ?? 0 });
    };
    for (let count = 0; count < 150; count += 1) {
      const saying = say(context, sessionId);
      if (random() < 0.2) await cutOff();
      await saying;
    }
    await expect
      .poll(async () => client.sequences.at(-1) ?? 0)
      .toBe((await getPairing(context, { pairingId: id })).lastSequence);
    received.push(...client.sequences);
    expect(received).toEqual(received.map((_sequence, index) => index + 1));
    expect(received.length).toBeGreaterThan(150);
  });

  it('finds what nobody announced', async () => {
    const { url } = await serveApart({
      pollIntervalMs: 20,
      services: { ...world().services, pairingBus: { ...world().services.pairingBus, listen: () => undefined } },
    });
    const { id, token, context, sessionId } = await newPaired();
    const client = await connect(id, { end: 'computer', token }, { url });
    await client.event('computer-connected');
    await say(context, sessionId);
    await client.event('code-locked');
    expect(client.sequences).toEqual([1, 2, 3]);
  });

  it('gives the note as it is to an end that slept for longer than events are kept', async () => {
    const { id, context, user, sessionId } = await newPaired();
    world().clock.advance(lifetimes.pairingMs - 1);
    await keepPairing(context, { pairingId: id });
    world().clock.advance(2);
    await removeSpentPairings(world().context(system));
    const client = await connect(id, { end: 'computer', token: await tokenOf(user) });
    expect(await client.next('resync')).toMatchObject({ note: { sessionId } });
    await say(context, sessionId);
    await client.event('code-locked');
    expect(client.messages.map(({ type }) => type)).toEqual(['ready', 'resync', 'event']);
  });

  it('lets go of a client that gives no sign of life', async () => {
    const { url } = await serveApart({ pingIntervalMs: 30 });
    const { id, token } = await newPaired();
    const dead = await connect(id, { end: 'computer', token }, { url, autoPong: false });
    const alive = await connect(id, { end: 'computer', token }, { url });
    expect(await dead.closed).toBe(1006);
    await alive.event('computer-disconnected');
  });

  it('lets go of a client that does not read, which goes on where it was', async () => {
    const { url } = await serveApart({ sendTimeoutMs: 200 });
    const { id, token, context, sessionId } = await newPaired();
    const text = 'x'.repeat(sizes.turnCharacters);
    const said = { text, raw: text, saidAt: '2026-11-20T10:00:00.000Z', position: 1 };
    await withActor(context, async (tx) => {
      for (let count = 0; count < 400; count += 1) {
        const turn = turnSchema.parse({ ...said, id: newId(), speaker: 'user' });
        await publishToPairing(context, tx, sessionId, { type: 'turn', turn });
      }
    });
    const slow = await open(id, { url });
    slow.socket.pause();
    slow.send({ type: 'hello', end: 'computer', token });
    const other = await connect(id, { end: 'computer', token, after: 401 });
    await other.event('computer-disconnected');
    slow.socket.resume();
    await slow.closed;
    const last = slow.sequences.at(-1) ?? 0;
    expect(slow.sequences).toEqual(Array.from({ length: last }, (_value, index) => index + 1));
    expect(last).toBeLessThan(401);
    const back = await connect(id, { end: 'computer', token, after: last });
    await expect.poll(() => back.sequences.at(-1) ?? 0).toBeGreaterThan(401);
    expect(back.sequences[0]).toBe(last + 1);
  });

  it('sends its clients elsewhere when the process stops', async () => {
    const apart = await serve();
    const { id, token } = await newPaired();
    const client = await connect(id, { end: 'computer', token }, { url: apart.url });
    const other = await connect(id, { end: 'phone', phoneEpoch: 1, token });
    await stop(apart);
    expect(await client.closed).toBe(1012);
    await other.event('computer-disconnected');
  });
});
