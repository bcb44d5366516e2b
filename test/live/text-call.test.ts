import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { OnboardingState } from '../../domain/onboarding.ts';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');

describe.skipIf(!shared)('a typed call', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  test('greets, hands over to onboarding, saves an answer and keeps the turns in order', async () => {
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => shown.push(piece) });
    const token = await stack.token({ room_config: { agents: [{ agent_name: '', metadata: '{"modality":"text"}' }] } });
    await caller.join(token.server_url, token.participant_token, { microphone: false });
    await caller.waitForAgent(20_000);
    const answers = () => shown.filter(({ speaker }) => speaker === 'agent').map(({ text }) => text);

    await expect.poll(answers, { timeout: 10_000 }).toEqual([expect.stringContaining('What can I do for you?')]);
    await caller.type('I would like to set up my profile');
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toContain('What would you like me to call you?');
    await caller.type('please call me Robin');
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toContain('Thank you, Robin.');

    expect((await stack.get('/api/v1/onboarding')) as OnboardingState).toMatchObject({
      answers: { preferred_name: 'Robin' },
      currentStep: 'goal',
    });
    await caller.leave();
    const path = `/api/v1/sessions/${token.session_id}/turns`;
    const turns = async () => ((await stack.get(path)) as { turns: { speaker: string; position: number }[] }).turns;
    await expect
      .poll(async () => (await turns()).map(({ speaker }) => speaker), { timeout: 10_000 })
      .toEqual(['agent', 'user', 'agent', 'user', 'agent']);
    expect((await turns()).map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
  });
});
