import { describe, expect, it } from 'vitest';
import { createRateLimiter } from '../../api/rate-limiter.ts';
import { createAccessTokens } from '../../core/crypto/access-tokens.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes, sizes } from '../../core/limits.ts';
import type { PairingClient } from '../support/pairing-client.ts';
import { pairingWorld } from './pairing-world.ts';
import { jwtSecret } from './world.ts';

describe('the WebSocket of a pairing', () => {
  const { world, serveApart, tokenOf, newPaired, open, connect } = pairingWorld();

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
    stranger.send({ type: 'hello', end: 'computer', token: await tokenOf(await world().newUser()) });
    expect(await stranger.closed).toBe(4404);
    const agent = await open(id);
    const claims = { tenantId: user.tenantId, userId: user.userId, sessionId, jobIdentity: 'job' };
    agent.send({ type: 'hello', end: 'computer', token: (await world().sessionTokens.sign(claims)).token });
    expect(await agent.closed).toBe(4401);
    const old = createAccessTokens(jwtSecret, 'HS256', () => new Date(world().clock.now().getTime() - 86_400_000));
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
      const signed = () => new Date(world().clock.now().getTime() - lifetimes.accessTokenSeconds * 1_000 + ms);
      return (await createAccessTokens(jwtSecret, 'HS256', signed).sign(user)).token;
    };
    const [renewed, lapsed, robbed] = await Promise.all(
      [1, 2, 3].map(async () => connect(id, { end: 'computer', token: await endingIn(3_000) })),
    );
    await renewed?.next('auth-expiring');
    renewed?.send({ type: 'auth', token: await tokenOf(user) });
    robbed?.send({ type: 'auth', token: await tokenOf(await world().newUser()) });
    expect(await robbed?.closed).toBe(4401);
    expect(await lapsed?.closed).toBe(4003);
    renewed?.send({ type: 'ping' });
    await renewed?.next('pong');
  });
});
