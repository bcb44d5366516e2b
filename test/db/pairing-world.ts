import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { HttpDependencies } from '../../api/app.ts';
import { createAuthenticator } from '../../api/middleware/authenticator.ts';
import { type PairingSocketOptions, type PairingSockets, servePairingSockets } from '../../api/pairing-socket.ts';
import type { UserActor } from '../../domain/actor.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { publishToPairing } from '../../services/pairing-events.ts';
import { createPairing } from '../../services/pairings.ts';
import { withActor } from '../../services/with-actor.ts';
import { type ClientOptions, connectClient, PairingClient } from '../support/pairing-client.ts';
import { http, openWorld, settings, type World } from './world.ts';

interface Serving {
  url: string;
  server: Server;
  sockets: PairingSockets;
}

/** Opens a world, with the WebSockets of pairings on a port, around the suite that calls it. */
export function pairingWorld() {
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

  return { world: () => world, serve, stop, serveApart, tokenOf, newPaired, open, connect, say };
}
