import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventStream } from '../../api/event-stream.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

it('sends events, and comments while there are none, until its end', async () => {
  const stream = new EventStream(() => undefined);
  const text = new Response(stream.body).text();
  stream.send('progress', { segment: 1, text: 'two\nlines' });
  await stream.begun;
  vi.advanceTimersByTime(31_000);
  stream.send('result', {});
  stream.end();
  stream.send('late', {});
  expect(await text).toBe(
    'event: progress\ndata: {"segment":1,"text":"two\\nlines"}\n\n: still there\n\n: still there\n\nevent: result\ndata: {}\n\n',
  );
});

it('tells when nobody reads any more, and then sends nothing', async () => {
  const onGone = vi.fn();
  const stream = new EventStream(onGone);
  await stream.body.cancel();
  expect(onGone).toHaveBeenCalledOnce();
  stream.send('progress', {});
  stream.end();
});
