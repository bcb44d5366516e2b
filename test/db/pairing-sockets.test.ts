import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { HttpDependencies } from '../../api/app.ts';
import { createAuthenticator } from '../../api/middleware/authenticator.ts';
import { type PairingSocketOptions, type PairingSockets, servePairingSockets } from '../../api/pairing-socket.ts';
import { createRateLimiter } from '../../api/rate-limiter.ts';
import { createAccessTokens } from '../../core/crypto/access-tokens.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes, sizes } from '../../core/limits.ts';
import type { UserActor } from '../../domain/actor.ts';
import { turnSchema } from '../../domain/conversation.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { publishToPairing } from '../../services/pairing-events.ts';
import { keepPairing } from '../../services/pairing-presence.ts';
import { createPairing, endPairing, getPairing, renewPairingCode } from '../../services/pairings.ts';
import { removeSpentPairings } from '../../services/retention.ts';
import { withActor } from '../../services/with-actor.ts';
import { type ClientOptions, connectClient, PairingClient } from '../support/pairing-client.ts';
import { randomFrom } from '../support/random.ts';
import { http, jwtSecret, openWorld, settings, system, type World } from './world.ts';

interface Serving {
  url: string;
  server: Server;
  sockets: PairingSockets;
}

describe('the WebSocket of a pairing', () => {
  let world: World;
  let serving: Serving;
  beforeAll(async () => {
    world = await openWorld();
    serving = await serve();
  });
  afterAll(async () => {
    await stop(serving);
    await world.close();
  });

  async function serve(options: Partial<PairingSocketOptions> = {}, access: Partial<HttpDependencies> = {}) {
    const server = createServer((_request, response) => void response.writeHead(404).end());
    const { services, accounts } = world;
    const authenticator = createAuthenticator({ ...services, accounts, livekit: settings.livekit });
    const sockets = servePairingSockets(server, { services, authenticator, http: { ...http, ...access }, ...options });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, sockets };
  }
  const stop = async ({ server, sockets }: Serving) => {
    server.close();
    await sockets.close();
    server.closeAllConnections();
  };
  const serveApart = async (...input: Parameters<typeof serve>) => {
    const apart = await serve(...input);
    onTestFinished(() => stop(apart));
    return apart;
  };
  const tokenOf = async (user: UserActor) => (await world.accounts.accessTokens.sign(user)).token;
  /** A user whose phone has claimed a pairing. */
  const newPaired = async () => {
    const user = await world.newUser();
    const context = world.context(user);
    const { pairing, code } = await createPairing(context, {});
    await claimPairing(context, { code });
    return { user, context, id: pairing.id, sessionId: pairing.sessionId, token: await tokenOf(user) };
  };
  const open = (pairingId: string, options: Partial<ClientOptions> = {}) =>
    new PairingClient({ url: serving.url, pairingId, ...options }).opened();
  const connect = (pairingId: string, hello: object, options: Partial<ClientOptions> = {}) =>
    connectClient({ url: serving.url, pairingId, ...options }, hello);
  const say = (context: ReturnType<World['context']>, sessionId: string) =>
    withActor(context, (tx) => publishToPairing(context, tx, sessionId, { type: 'code-locked' }));

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

  it('takes the token as a sub-protocol, and answers with the other one', async () => {
    const { id, token } = await newPaired();
    const protocols = ['parley.pairing.v1', `parley.bearer.${token}`];
    const client = await connect(id, { end: 'computer' }, { protocols });
    expect(client.socket.protocol).toBe('parley.pairing.v1');
  });

  it('takes no token in the URL, and is nowhere else', async () => {
    const { id, token } = await newPaired();
    await expect(open(id, { query: `?token=${token}` })).rejects.toThrow('refused with 400');
    await expect(open('not-an-id')).rejects.toThrow('refused with 404');
    await expect(open(`${id}/x/..`, { query: '/x' })).rejects.toThrow('refused with 404');
  });

  it('lets pages of the allowed origins in, and clients without one', async () => {
    const { url } = await serveApart({}, { corsOrigins: ['https://app.example.test'] });
    const { id, token } = await newPaired();
    for (const origin of ['https://evil.example.test', 'null', 'https://app.example.test.evil.test']) {
      await expect(open(id, { url, origin })).rejects.toThrow('refused with 403');
    }
    await connect(id, { end: 'computer', token }, { url, origin: 'https://app.example.test' });
    await connect(id, { end: 'computer', token }, { url });
  });

  it.each<[string, (client: PairingClient) => void, number]>([
    ['is no JSON', ({ socket }) => socket.send('{'), 4400],
    ['is binary', ({ socket }) => socket.send(Buffer.from('{}')), 4400],
    ['is not a hello', (client) => client.send({ type: 'ping' }), 4400],
    ['is too large', ({ socket }) => socket.send('x'.repeat(sizes.requestBodyBytes + 1)), 1009],
    ['has no token', (client) => client.send({ type: 'hello', end: 'computer' }), 4401],
    ['has a wrong token', (client) => client.send({ type: 'hello', end: 'computer', token: 'guessed' }), 4401],
    ['has a user beside it', (client) => client.send({ type: 'hello', end: 'computer', token: 'a', user: 'b' }), 4401],
  ])('closes on a first message that %s', async (_name, send, code) => {
    const client = await open(newId());
    send(client);
    expect(await client.closed).toBe(code);
  });

  it('closes on those who are somebody else, or nobody, and on who says nothing', async () => {
    const { id, token, user, sessionId } = await newPaired();
    const stranger = await open(id);
    stranger.send({ type: 'hello', end: 'computer', token: await tokenOf(await world.newUser()) });
    expect(await stranger.closed).toBe(4404);
    const agent = await open(id);
    const claims = { tenantId: user.tenantId, userId: user.userId, sessionId, jobIdentity: 'job' };
    agent.send({ type: 'hello', end: 'computer', token: (await world.sessionTokens.sign(claims)).token });
    expect(await agent.closed).toBe(4401);
    const old = createAccessTokens(jwtSecret, 'HS256', () => new Date(world.clock.now().getTime() - 86_400_000));
    const late = await open(id);
    late.send({ type: 'hello', end: 'computer', token: (await old.sign(user)).token });
    expect(await late.closed).toBe(4401);
    expect(stranger.messages.concat(agent.messages, late.messages)).toEqual([]);
    const { url } = await serveApart({ helloTimeoutMs: 50 });
    const silent = await open(id, { url, protocols: ['parley.pairing.v1', `parley.bearer.${token}`] });
    expect(await silent.closed).toBe(4408);
  });

  it('cuts off who floods it, and later messages that are none', async () => {
    const { id, token } = await newPaired();
    const client = await connect(id, { end: 'computer', token });
    for (let count = 0; count < 100; count += 1) client.send({ type: 'ping' });
    expect(await client.closed).toBe(4429);
    const other = await connect(id, { end: 'computer', token });
    other.send({ type: 'hello', end: 'computer', token });
    expect(await other.closed).toBe(4400);
  });

  it('limits the connections of a user, and how often an address connects', async () => {
    const { id, token } = await newPaired();
    await Promise.all(Array.from({ length: 20 }, () => connect(id, { end: 'computer', token })));
    const next = await open(id);
    next.send({ type: 'hello', end: 'computer', token });
    expect(await next.closed).toBe(4429);
    const { url } = await serveApart({}, { limiter: createRateLimiter({ scale: 0.01 }) });
    const two = [await open(id, { url }), await open(id, { url })];
    await expect(open(id, { url })).rejects.toThrow('refused with 429');
    two[0]?.send({ type: 'hello', end: 'computer', token: 'guessed' });
    expect(await two[0]?.closed).toBe(4401);
  });

  it('asks for the next token before one ends, and closes without it', async () => {
    const { id, user } = await newPaired();
    const endingIn = async (ms: number) => {
      const signed = () => new Date(world.clock.now().getTime() - lifetimes.accessTokenSeconds * 1_000 + ms);
      return (await createAccessTokens(jwtSecret, 'HS256', signed).sign(user)).token;
    };
    const [renewed, lapsed, robbed] = await Promise.all(
      [1, 2, 3].map(async () => connect(id, { end: 'computer', token: await endingIn(3_000) })),
    );
    await renewed?.next('auth-expiring');
    renewed?.send({ type: 'auth', token: await tokenOf(user) });
    robbed?.send({ type: 'auth', token: await tokenOf(await world.newUser()) });
    expect(await robbed?.closed).toBe(4401);
    expect(await lapsed?.closed).toBe(4003);
    renewed?.send({ type: 'ping' });
    await renewed?.next('pong');
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
      services: { ...world.services, pairingBus: { ...world.services.pairingBus, listen: () => undefined } },
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
    world.clock.advance(lifetimes.pairingMs - 1);
    await keepPairing(context, { pairingId: id });
    world.clock.advance(2);
    await removeSpentPairings(world.context(system));
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
