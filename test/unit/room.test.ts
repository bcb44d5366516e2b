import { expect, test, vi } from 'vitest';
import { roomTeller } from '../../agents/room.ts';

/** A room whose text streams end when they are told to. */
function roomOfSlowStreams() {
  const begun: { text: string; end(): void; fail(): void }[] = [];
  const sendText = (text: string) =>
    new Promise<unknown>((resolve, reject) => {
      begun.push({ text, end: () => resolve(undefined), fail: () => reject(new Error('gone')) });
    });
  return { begun, room: { localParticipant: { sendText } } as unknown as Parameters<typeof roomTeller>[0] };
}

test('messages reach a caller in the order in which they were told', async () => {
  const { begun, room } = roomOfSlowStreams();
  const tell = roomTeller(room, 'robin', { debug: vi.fn() });
  tell('parley.recovery', 1);
  tell('parley.recovery', 2);
  await expect.poll(() => begun.length).toBe(1);
  begun[0]?.end();
  await expect.poll(() => begun.map(({ text }) => text)).toEqual(['1', '2']);
});

test('a message that does not arrive keeps no other one back', async () => {
  const { begun, room } = roomOfSlowStreams();
  const debug = vi.fn();
  const tell = roomTeller(room, 'robin', { debug });
  tell('parley.recovery', 1);
  tell('parley.recovery', 2);
  await expect.poll(() => begun.length).toBe(1);
  begun[0]?.fail();
  await expect.poll(() => begun.length).toBe(2);
  expect(debug).toHaveBeenCalledWith({ topic: 'parley.recovery' }, 'a message did not reach the caller');
});
