import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TokenVerifier } from 'livekit-server-sdk';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { tellAccepted } from '../../agents/acceptance.ts';
import type { Log } from '../../core/log.ts';

const livekit = { url: 'ws://127.0.0.1:1', apiKey: 'key', apiSecret: 'a-secret-of-at-least-32-characters' };
const job = { jobId: 'AJ_1', roomName: 'room-1' };

async function api(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function options(apiUrl: string) {
  const warn = vi.fn();
  return { apiUrl, livekit, log: { warn } as unknown as Log, warn };
}

describe('a job that a worker has taken on', () => {
  test('is told of with a token as the job has one, for its room alone', async () => {
    const asked: string[] = [];
    const url = await api(({ method, url: path, headers }, response) => {
      asked.push(`${method} ${path}`, headers.authorization ?? '');
      response.writeHead(204).end();
    });
    const { warn, ...given } = options(url);
    await tellAccepted(given, job);
    expect(asked[0]).toBe('POST /api/v1/sessions/accept');
    const claims = await new TokenVerifier(livekit.apiKey, livekit.apiSecret).verify(
      asked[1]?.slice('Bearer '.length) ?? '',
    );
    expect(claims).toMatchObject({ kind: 'agent', sub: 'agent-AJ_1', video: { roomJoin: true, room: 'room-1' } });
    expect(warn).not.toHaveBeenCalled();
  });

  test('goes on where the API does not know the room, or is away', async () => {
    const url = await api((_request, response) => response.writeHead(404).end('{}'));
    const unknown = options(url);
    await tellAccepted(unknown, job);
    expect(unknown.warn.mock.calls[0]?.[0]).toEqual({ jobId: 'AJ_1', status: 404 });
    const away = options('http://127.0.0.1:1');
    await tellAccepted(away, job);
    expect(away.warn.mock.calls[0]?.[0]).toMatchObject({ jobId: 'AJ_1' });
  });
});
