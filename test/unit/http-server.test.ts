import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiEnvironment } from '../../api/environment.ts';
import { createHttpServer } from '../../api/http-server.ts';

/** What a server sends for an answer before which headers were kept, and then others. */
async function sent(answer: () => Response, others?: OutgoingHttpHeaders): Promise<Response> {
  const server = createHttpServer({
    fetch(_request, bindings) {
      const { outgoing } = bindings as ApiEnvironment['Bindings'];
      outgoing?.keep({ 'x-request-id': 'kept', 'cache-control': 'private, no-cache' });
      if (others) outgoing?.keep(others);
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

test.each(['cache-control', 'Cache-Control'])('%s of an answer wins over the one that was kept', async (name) => {
  const { status, headers } = await sent(() => new Response('{}', { status: 201, headers: { [name]: 'no-store' } }));
  expect(status).toBe(201);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-request-id')).toBe('kept');
});

test('of headers that are kept twice the last ones are sent', async () => {
  const { headers } = await sent(() => new Response('{}'), { 'cache-control': 'no-store', vary: 'origin' });
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('vary')).toBe('origin');
  expect(headers.get('x-request-id')).toBe('kept');
});
