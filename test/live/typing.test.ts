import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { sizes } from '../../core/limits.ts';
import type { Turn } from '../../domain/conversation.ts';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');
const finding = { raw: 'element zesentwintig mesio occlusaal karies', text: 'element 26 MO cariës' };

describe.skipIf(!shared)('typing to an agent', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  /** A call that has been greeted, and everything the client was told of it. */
  async function call(modality: 'text' | 'voice') {
    const shown: Shown[] = [];
    const states: string[] = [];
    const details: unknown[] = [];
    const reports: { interrupted: boolean; typed: boolean }[] = [];
    const caller = new Caller({
      shown: (piece) => shown.push(piece),
      state: (state) => states.push(state),
      detail: (detail) => details.push(detail),
      report: (report) => reports.push(report),
    });
    onTestFinished(() => caller.leave());
    const agents = [{ agent_name: '', metadata: JSON.stringify({ modality }) }];
    const token = await stack.token({ room_config: { agents } });
    await caller.join(token.server_url, token.participant_token, { microphone: modality === 'voice' });
    await caller.waitForAgent(20_000);
    const answers = () => shown.filter(({ speaker }) => speaker === 'agent').map(({ text }) => text);
    await expect.poll(answers, { timeout: 15_000 }).toEqual(['Hello, this is Parley. What can I do for you?']);
    const turns = async () =>
      ((await stack.get(`/api/v1/sessions/${token.session_id}/turns`)) as { turns: Turn[] }).turns;
    return { caller, answers, states, details, reports, turns };
  }

  test('in a text call shows the greeting and the states of the agent', async () => {
    const { caller, answers, states } = await call('text');
    await caller.type('good morning');
    await expect.poll(answers, { timeout: 10_000 }).toContain('I heard: good morning.');
    await expect.poll(() => states.at(-1)).toBe('listening');
    expect(states).toContain('thinking');
  });

  test.each(['text', 'voice'] as const)(
    'in a %s call is normalized, with what was done told and kept',
    async (modality) => {
      const { caller, answers, details, reports, turns } = await call(modality);
      await caller.type(finding.raw);
      // The transcript of a spoken reply is the text as written, not as the voice was given it.
      await expect.poll(answers, { timeout: 15_000 }).toContain(`Genoteerd: ${finding.text}.`);
      const edits = [
        { input: { start: 8, end: 20 }, output: { start: 8, end: 10 }, rule: expect.any(String) },
        { input: { start: 21, end: 36 }, output: { start: 11, end: 13 }, rule: expect.any(String) },
        { input: { start: 37, end: 43 }, output: { start: 14, end: 20 }, rule: expect.any(String) },
      ];
      expect(details).toEqual([{ ...finding, edits, typed: true, pack: 'nl-dental', warnings: [] }]);
      await expect.poll(() => reports, { timeout: 15_000 }).toEqual([expect.objectContaining({ typed: true })]);
      await expect.poll(turns).toHaveLength(3);
      expect(await turns()).toMatchObject([
        { speaker: 'agent' },
        { speaker: 'user', ...finding, edits },
        { speaker: 'agent', text: `Genoteerd: ${finding.text}.` },
      ]);
    },
  );

  test('a message that is too long is answered as such and goes no further', async () => {
    const { caller, answers, details, turns } = await call('text');
    await caller.type('x'.repeat(sizes.typedMessageCharacters + 1));
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toMatch(/too long/);
    await caller.type('shorter');
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toBe('I heard: shorter.');
    expect(details).toHaveLength(1);
    await expect
      .poll(async () => (await turns()).map(({ speaker }) => speaker))
      .toEqual(['agent', 'agent', 'user', 'agent']);
  });

  test('a message during a spoken reply interrupts it and is answered', async () => {
    const { caller, answers, reports, turns } = await call('voice');
    await caller.type('tell me a long story');
    await expect
      .poll(() => caller.voicedMsBetween(caller.heard.voicedAtMs.at(0) ?? 0, Infinity), { timeout: 15_000 })
      .toBeGreaterThan(5_000);
    await caller.type('What can you do?');
    await expect
      .poll(() => reports, { timeout: 15_000 })
      .toMatchObject([{ interrupted: true }, { interrupted: false }]);
    await expect.poll(() => answers().at(-1), { timeout: 15_000 }).toContain('I can talk with you');
    const [, , story] = await turns();
    expect(story).toMatchObject({ speaker: 'agent', interrupted: true });
    // Its voice goes on for half a minute, but it was read at once: what was shown is kept.
    expect(story?.text).toMatch(/^Once upon a time.*at noon\.$/s);
  });
});
