import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import {
  getOnboarding,
  goBackInOnboarding,
  restartOnboarding,
  saveOnboardingStep,
  skipOnboardingStep,
} from '../../services/onboarding.ts';
import { getProfile, updateProfile } from '../../services/profiles.ts';
import { ensureUser } from '../../services/users.ts';
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
      version: 1,
      updatedAt: world().clock.now().toISOString(),
    });
  });

  it('move on together with each answer, until the last one completes them', async () => {
    const user = await world().newUser();
    const agent = await world().claim(user, await world().newSession(user));
    const first = await saveOnboardingStep(world().context(agent), { step: 'preferred_name', answer: '  Ann   Lee ' });
    expect(first).toEqual({
      answers: { preferred_name: 'Ann Lee' },
      currentStep: 'goal',
      skipped: [],
      version: 2,
      completedAt: null,
    });
    await saveOnboardingStep(world().context(agent), { step: 'goal', answer: 'to practise' });
    const last = await saveOnboardingStep(world().context(user), { step: 'language', answer: 'Nederlands' });

    const completedAt = world().clock.now().toISOString();
    const answers = { preferred_name: 'Ann Lee', goal: 'to practise', language: 'nl' };
    expect(last).toEqual({ answers, currentStep: null, skipped: [], version: 4, completedAt });
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

  it('can be skipped step by step where a step may be, gone back over and begun again', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    await expect(goBackInOnboarding(context)).rejects.toMatchObject({ code: 'conflict' });
    await expect(skipOnboardingStep(context, { step: 'preferred_name' })).rejects.toMatchObject({ code: 'conflict' });
    await saveOnboardingStep(context, { step: 'preferred_name', answer: 'Ann' });
    expect(await skipOnboardingStep(context, { step: 'goal' })).toMatchObject({
      skipped: ['goal'],
      currentStep: 'language',
      completedAt: null,
    });
    const completedAt = world().clock.now().toISOString();
    expect(await skipOnboardingStep(context, { step: 'language' })).toMatchObject({ currentStep: null, completedAt });
    world().clock.advance(1_000);
    expect(await goBackInOnboarding(context)).toMatchObject({ currentStep: 'language', completedAt });
    expect(await saveOnboardingStep(context, { step: 'goal', answer: 'to relax' })).toMatchObject({
      answers: { preferred_name: 'Ann', goal: 'to relax' },
      skipped: ['language'],
      currentStep: null,
      completedAt,
    });
    const again = { answers: {}, skipped: [], currentStep: 'preferred_name', completedAt: null };
    expect(await restartOnboarding(context)).toMatchObject(again);
    expect(await getOnboarding(context)).toMatchObject(again);
    expect(await getProfile(context)).toMatchObject({ preferredName: 'Ann', goal: 'to relax' });
  });

  it('are changed on the version their writer saw, or not at all', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const onFirst = { ifVersions: [1] };
    expect(await saveOnboardingStep(context, { step: 'goal', answer: 'to relax', ...onFirst })).toMatchObject({
      version: 2,
    });
    for (const late of [
      () => saveOnboardingStep(context, { step: 'goal', answer: 'late', ...onFirst }),
      () => skipOnboardingStep(context, { step: 'language', ...onFirst }),
      () => restartOnboarding(context, onFirst),
      () => updateProfile(context, { changes: { goal: 'late' }, ...onFirst }),
    ]) {
      await expect(late()).rejects.toMatchObject({ code: 'precondition_failed' });
    }
    expect((await getOnboarding(context)).answers).toEqual({ goal: 'to relax' });
    expect(await updateProfile(context, { changes: { goal: 'to learn' }, ifVersions: [2, 7] })).toMatchObject({
      goal: 'to learn',
      version: 3,
    });
  });

  it('are left as they are by an answer that comes twice, unless the profile says otherwise by now', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const save = (step: 'preferred_name' | 'goal' | 'language', answer: string) =>
      saveOnboardingStep(context, { step, answer });
    const steps = [
      ['preferred_name', 'Ann'],
      ['goal', 'to relax'],
      ['language', 'nl'],
    ] as const;
    for (const [step, answer] of steps) await save(step, answer);
    const [onboarding, profile] = [await getOnboarding(context), await getProfile(context)];
    world().clock.advance(1_000);
    for (const [step, answer] of steps) expect(await save(step, answer)).toEqual(onboarding);
    expect(await getOnboarding(context)).toEqual(onboarding);
    expect(await getProfile(context)).toEqual(profile);

    await updateProfile(context, { changes: { goal: 'to learn', language: null } });
    await save('goal', 'to relax');
    await save('language', 'nl');
    expect(await getProfile(context)).toMatchObject({ goal: 'to relax', language: 'nl' });
  });

  it('keep the fields of a profile that are left out, and lose those that are cleared', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    await updateProfile(context, { changes: { preferredName: 'Ann', goal: 'to practise', language: 'nl' } });
    world().clock.advance(1_000);
    expect(await updateProfile(context, { changes: { goal: null } })).toEqual({
      userId: user.userId,
      preferredName: 'Ann',
      goal: null,
      language: 'nl',
      version: 3,
      updatedAt: world().clock.now().toISOString(),
    });
    expect(await updateProfile(context, { changes: { preferredName: null, language: 'en' } })).toMatchObject({
      preferredName: null,
      language: 'en',
    });
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
    const changes = { goal: 'x' };
    for (const verb of [
      getProfile,
      getOnboarding,
      (context: typeof nobody) => saveOnboardingStep(context, save),
      (context: typeof nobody) => updateProfile(context, { changes }),
    ]) {
      await expect(verb(nobody)).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(getProfile(job)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(getOnboarding(job)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(saveOnboardingStep(job, save)).rejects.toMatchObject({ code: 'forbidden' });
    const user = world().context({ kind: 'user', ...stranger(), roles: ['student'] });
    await expect(ensureUser(user, stranger())).rejects.toMatchObject({ code: 'forbidden' });
  });
});
