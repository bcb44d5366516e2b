import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiWorld, openApiWorld, developmentToken as token } from './api-world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

/** What a call begins with, as the agent of a new call is told. */
async function newCall() {
  const { sessionToken } = await api.newCall();
  const { body } = await api.send('GET', '/api/v1/context', { token: sessionToken });
  const save = async (step: string, answer: string) =>
    (await api.send('PUT', `/api/v1/onboarding/steps/${step}`, { token: sessionToken, body: { answer } })).body;
  return { onboarding: body.onboarding as { currentStep: string | null }, save };
}

const stepsBy = async (asker: string) =>
  (await api.send('GET', '/api/v1/onboarding/steps', { token: asker })).body as {
    currentStep: string;
    steps: Record<string, unknown>[];
  };

it('an onboarding that is left in the middle of a call goes on over HTTP, and in the next call after that', async () => {
  const first = await newCall();
  expect(first.onboarding.currentStep).toBe('preferred_name');
  expect(await first.save('preferred_name', 'Robin')).toMatchObject({ currentStep: 'goal' });

  expect(await stepsBy(token)).toMatchObject({ currentStep: 'goal' });
  const body = { answer: 'to be reminded' };
  expect((await api.send('PUT', '/api/v1/onboarding/steps/goal', { token, body })).body).toMatchObject({
    currentStep: 'language',
  });
  await api.send('POST', '/api/v1/onboarding/steps/language/skip', { token });

  const second = await newCall();
  expect(second.onboarding).toMatchObject({
    answers: { preferred_name: 'Robin', goal: 'to be reminded' },
    currentStep: 'follow_up',
  });
  expect(await second.save('follow_up', 'no')).toMatchObject({ currentStep: null, completedAt: expect.any(String) });
});

it('tells of each step what became of it, in words a client can draw', async () => {
  await api.send('POST', '/api/v1/onboarding/restart', { token });
  await api.send('PUT', '/api/v1/onboarding/steps/preferred_name', { token, body: { answer: 'Robin' } });
  await api.send('POST', '/api/v1/onboarding/steps/goal/skip', { token });
  const { steps, currentStep } = await stepsBy(token);
  expect(currentStep).toBe('language');
  const fresh = { isAsked: true, isAnswered: false, isSkipped: false, canBeSkipped: true };
  expect(steps).toMatchObject([
    { ...fresh, step: 'preferred_name', isAnswered: true, canBeSkipped: false },
    { ...fresh, step: 'goal', isSkipped: true },
    { ...fresh, step: 'language' },
    { ...fresh, step: 'follow_up', isAsked: false },
    { ...fresh, step: 'email', isAsked: false },
  ]);
  expect(steps[0]?.question).toEqual({ en: 'What would you like me to call you?', nl: 'Hoe zal ik u noemen?' });
});
