import { expect, test, vi } from 'vitest';
import { LeaseConnections } from '../../api/lease-connections.ts';

test('a job that lets go of its connection is lost, and no other one', async () => {
  const connections = new LeaseConnections();
  const [lost, other] = [vi.fn(), vi.fn()];
  const reader = connections.open(lost).getReader();
  connections.open(other);
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('event: connected');
  expect(lost).not.toHaveBeenCalled();
  await reader.cancel();
  expect(lost).toHaveBeenCalledOnce();
  expect(other).not.toHaveBeenCalled();
  connections.close();
});

test('connections that end with this process lose nobody, and so do those that come too late', async () => {
  const connections = new LeaseConnections();
  const lost = vi.fn();
  const open = connections.open(lost);
  connections.close();
  const late = connections.open(lost);
  for (const body of [open, late]) {
    const text = await new Response(body).text();
    expect(text).toContain('event: connected');
  }
  expect(lost).not.toHaveBeenCalled();
});
