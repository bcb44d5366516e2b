import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { getOnboarding, saveOnboardingStep } from '../../services/onboarding.ts';
import { getProfile } from '../../services/profiles.ts';
import { ensureUser } from '../../services/users.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const stranger = () => ({ tenantId: defaultTenant.id, userId: newId() });

describeOnBothDatabases('profile and onboarding', (world) => {
  it('begin empty', async () => {
    const user = await world().newUser();
    expect(await getOnboarding(world().context(user))).toEqual({
      answers: {},
      currentStep: 'preferred_name',
      skipped: [],
      version: 1,
      completedAt: null,
    });
    expect(await getProfile(world().context(user))).toEqual({
      userId: user.userId,
      preferredName: null,
      language: null,
      goal: null,
      updatedAt: world().clock.now().toISOString(),
    });
  });

  it('move on together with each answer, until the last one completes them', async () => {
    const user = await world().newUser();
    const agent = await world().claim(user, await world().newSession(user));
    const first = await saveOnboardingStep(world().context(agent), { step: 'preferred_name', answer: '  Ann   Lee ' });
    expect(first).toEqual({ answers: { preferred_name: 'Ann Lee' }, currentStep: 'goal', completedAt: null });
    await saveOnboardingStep(world().context(agent), { step: 'goal', answer: 'to practise' });
    const last = await saveOnboardingStep(world().context(user), { step: 'language', answer: 'Nederlands' });

    const completedAt = world().clock.now().toISOString();
    const answers = { preferred_name: 'Ann Lee', goal: 'to practise', language: 'nl' };
    expect(last).toEqual({ answers, currentStep: null, completedAt });
    expect(await getOnboarding(world().context(agent))).toEqual(last);
    expect(await getProfile(world().context(agent))).toMatchObject({
      preferredName: 'Ann Lee',
      goal: 'to practise',
      language: 'nl',
    });

    world().clock.advance(60_000);
    const changed = await saveOnboardingStep(world().context(user), { step: 'goal', answer: 'to relax' });
    expect(changed).toMatchObject({ answers: { goal: 'to relax' }, completedAt });
  });

  it('keep every one of the answers that come together', async () => {
    const user = await world().newUser();
    await Promise.all([
      saveOnboardingStep(world().context(user), { step: 'preferred_name', answer: 'Ann' }),
      saveOnboardingStep(world().context(user), { step: 'goal', answer: 'to practise' }),
      saveOnboardingStep(world().context(user), { step: 'language', answer: 'en' }),
    ]);
    const { answers, completedAt } = await getOnboarding(world().context(user));
    expect(answers).toEqual({ preferred_name: 'Ann', goal: 'to practise', language: 'en' });
    expect(completedAt).not.toBeNull();
  });

  it('refuse a wrong answer by its field and change nothing', async () => {
    const user = await world().newUser();
    const refused = saveOnboardingStep(world().context(user), { step: 'language', answer: 'Klingon' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', faults: [{ field: 'answer' }] });
    expect((await getOnboarding(world().context(user))).answers).toEqual({});
    expect((await getProfile(world().context(user))).language).toBeNull();
  });

  it('belong to one user', async () => {
    const [ann, bob] = [await world().newUser(), await world().newUser()];
    await saveOnboardingStep(world().context(ann), { step: 'preferred_name', answer: 'Ann' });
    expect((await getProfile(world().context(bob))).preferredName).toBeNull();
    expect((await getOnboarding(world().context(bob))).answers).toEqual({});
  });

  it('stay as they are when the user is made sure of again', async () => {
    const user = await world().newUser();
    await saveOnboardingStep(world().context(user), { step: 'preferred_name', answer: 'Ann' });
    await ensureUser(world().context({ kind: 'system', name: 'test' }), user);
    expect((await getProfile(world().context(user))).preferredName).toBe('Ann');
  });

  it('are not found for a user there is not, and not for jobs', async () => {
    const nobody = world().context({ kind: 'user', ...stranger(), roles: ['student'] });
    const job = world().context({ kind: 'job', roomName: 'room', jobIdentity: 'agent' });
    const save = { step: 'goal', answer: 'x' } as const;
    for (const verb of [getProfile, getOnboarding, (context: typeof nobody) => saveOnboardingStep(context, save)]) {
      await expect(verb(nobody)).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(getProfile(job)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(getOnboarding(job)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(saveOnboardingStep(job, save)).rejects.toMatchObject({ code: 'forbidden' });
    const user = world().context({ kind: 'user', ...stranger(), roles: ['student'] });
    await expect(ensureUser(user, stranger())).rejects.toMatchObject({ code: 'forbidden' });
  });
});
