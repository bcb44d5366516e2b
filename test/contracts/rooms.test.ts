import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRooms } from '../../services/rooms.ts';

/** Errors as Twirp writes them (https://twitchtv.github.io/twirp/docs/spec_v7.html): LiveKit's for who isn't there, and any other. */
const answers = new Map([
  ['nobody', { status: 404, body: { code: 'not_found', msg: 'participant does not exist' } }],
  ['refused', { status: 403, body: { code: 'permission_denied', msg: 'no' } }],
]);

describe('taking somebody out of a room', () => {
  let server: Server;
  let rooms: ReturnType<typeof createRooms>;
  beforeAll(async () => {
    server = createServer((request, response) => {
      expect(request.url).toBe('/twirp/livekit.RoomService/RemoveParticipant');
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        const { room, identity } = JSON.parse(text);
        expect(room).toBe('room-test');
        const { status, body } = answers.get(identity) ?? { status: 200, body: {} };
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    rooms = createRooms({ url, apiKey: 'key', apiSecret: 'a-livekit-secret-of-32-characters' });
  });
  afterAll(() => server.close());

  it.each(['somebody', 'nobody'])('leaves %s out of it', async (identity) => {
    await expect(rooms.removeParticipant('room-test', identity)).resolves.toBeUndefined();
  });

  it('says when it could not be done', async () => {
    await expect(rooms.removeParticipant('room-test', 'refused')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
