import { eq, sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { onboardingStates } from '../../db/schema/onboarding-states.ts';
import { seal } from '../../services/fields.ts';
import { getOnboarding, saveOnboardingStep, skipOnboardingStep } from '../../services/onboarding.ts';
import { getProfile } from '../../services/profiles.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('branches of the onboarding', (world) => {
  const address = 'robin@example.org';
  const begun = async () => {
    const context = world().context(await world().newUser());
    await saveOnboardingStep(context, { step: 'preferred_name', answer: 'Robin' });
    await saveOnboardingStep(context, { step: 'goal', answer: 'to be reminded to practise' });
    await saveOnboardingStep(context, { step: 'language', answer: 'English' });
    return context;
  };
  const rowOf = async (userId: string) => {
    const [row] = await world().admin.select().from(onboardingStates).where(eq(onboardingStates.userId, userId));
    return row;
  };

  it('are asked once an answer opens them, and complete with their last step', async () => {
    const context = await begun();
    expect(await getOnboarding(context)).toMatchObject({ currentStep: 'follow_up', completedAt: null });
    await saveOnboardingStep(context, { step: 'follow_up', answer: 'Yes please' });
    const last = await saveOnboardingStep(context, { step: 'email', answer: 'Robin at example dot org' });
    expect(last).toMatchObject({
      answers: { follow_up: 'yes', email: address },
      currentStep: null,
      completedAt: world().clock.now().toISOString(),
    });
    const { actor } = context;
    const row = await rowOf('userId' in actor ? actor.userId : '');
    expect(JSON.stringify(row)).not.toContain('example');
    expect(JSON.stringify(await getProfile(context))).not.toContain('example');
  });

  it('take their answers with them when they are closed, and are asked anew when they open again', async () => {
    const context = await begun();
    await saveOnboardingStep(context, { step: 'follow_up', answer: 'ja' });
    await saveOnboardingStep(context, { step: 'email', answer: address });
    const closed = await saveOnboardingStep(context, { step: 'goal', answer: 'to relax' });
    expect(closed).toMatchObject({
      answers: { preferred_name: 'Robin', goal: 'to relax', language: 'en' },
      currentStep: null,
      completedAt: expect.any(String),
    });
    expect(Object.keys(closed.answers)).not.toContain('email');
    const opened = await saveOnboardingStep(context, { step: 'goal', answer: 'follow-ups' });
    expect(opened).toMatchObject({ currentStep: 'follow_up', completedAt: closed.completedAt });
    expect(await skipOnboardingStep(context, { step: 'follow_up' })).toMatchObject({
      skipped: ['follow_up'],
      currentStep: null,
    });
  });

  it('take no answers while they are closed, and only good ones while they are open', async () => {
    const context = await begun();
    await expect(saveOnboardingStep(context, { step: 'email', answer: address })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(skipOnboardingStep(context, { step: 'email' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(saveOnboardingStep(context, { step: 'follow_up', answer: 'perhaps' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  it('of a definition that has changed since do not keep a state from being read and going on', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const given = JSON.stringify({ preferred_name: 'Ann', shoe_size: '42' });
    const answers = seal(context, onboardingStates.answers, user.userId, given);
    await world().admin.execute(
      sql`update onboarding_states set answers = ${answers}, skipped = array['hat_size'], current_step = 'shoe_size'
        where user_id = ${user.userId}`,
    );
    expect(await getOnboarding(context)).toMatchObject({
      answers: { preferred_name: 'Ann' },
      skipped: [],
      currentStep: 'goal',
    });
    expect(await saveOnboardingStep(context, { step: 'goal', answer: 'to relax' })).toMatchObject({
      answers: { preferred_name: 'Ann', goal: 'to relax' },
      currentStep: 'language',
    });
  });
});
