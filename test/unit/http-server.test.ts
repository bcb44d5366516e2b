import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiEnvironment } from '../../api/environment.ts';
import { createHttpServer } from '../../api/http-server.ts';

/** What a server sends for an answer before which headers were kept. */
async function sent(answer: () => Response): Promise<Response> {
  const server = createHttpServer({
    fetch(_request, bindings) {
      const { outgoing } = bindings as ApiEnvironment['Bindings'];
      Object.assign(outgoing?.kept ?? {}, { 'x-request-id': 'kept', 'cache-control': 'private, no-cache' });
      return answer();
    },
  });
  onTestFinished(() => void server.close().closeAllConnections());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

const streamed = () => new ReadableStream({ start: (body) => body.close() });

test.each<[string, () => Response]>([
  ['text', () => new Response('text')],
  ['headers of its own', () => Response.json({})],
  ['a stream', () => new Response(streamed())],
  ['nothing', () => new Response(null, { status: 204 })],
])('an answer of %s has the headers that were kept', async (_name, answer) => {
  const { headers } = await sent(answer);
  expect(headers.get('x-request-id')).toBe('kept');
  expect(headers.get('cache-control')).toBe('private, no-cache');
});

test('a header that an answer sets itself wins over the one that was kept', async () => {
  const { status, headers } = await sent(
    () => new Response('{}', { status: 201, headers: { 'cache-control': 'no-store' } }),
  );
  expect(status).toBe(201);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-request-id')).toBe('kept');
});
