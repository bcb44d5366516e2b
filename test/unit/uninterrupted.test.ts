import type { voice } from '@livekit/agents';
import { expect, test } from 'vitest';
import type { Call } from '../../agents/call.ts';
import { uninterrupted } from '../../agents/roster/uninterrupted.ts';

/** A reply, and a run of a tool that it called. */
function reply() {
  const speechHandle = { allowInterruptions: true };
  const ctx = {
    speechHandle,
    disallowInterruptions: () => {
      speechHandle.allowInterruptions = false;
    },
  };
  return { ctx: ctx as unknown as voice.RunContext<Call>, speechHandle };
}

test('a reply may be interrupted again once the last of its writes is done, whatever came of them', async () => {
  const { ctx, speechHandle } = reply();
  let fail: (error: Error) => void = () => {};
  const one = uninterrupted(ctx, async () => 'done');
  const other = uninterrupted(
    ctx,
    () =>
      new Promise((_, reject) => {
        fail = reject;
      }),
  );
  expect(await one).toBe('done');
  expect(speechHandle.allowInterruptions).toBe(false);
  fail(new Error('no'));
  await expect(other).rejects.toThrow('no');
  expect(speechHandle.allowInterruptions).toBe(true);
  await uninterrupted(ctx, async () => expect(speechHandle.allowInterruptions).toBe(false));
  expect(speechHandle.allowInterruptions).toBe(true);
});
