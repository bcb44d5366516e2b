import pg from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import { getContext } from '../../services/contexts.ts';
import { keepFact, listFacts, proposeFact } from '../../services/facts.ts';
import { getOnboarding, saveOnboardingStep } from '../../services/onboarding.ts';
import { updatePreferences } from '../../services/preferences.ts';
import { getProfile } from '../../services/profiles.ts';
import { getSession, updateSession } from '../../services/session-records.ts';
import { getSummary } from '../../services/summaries.ts';
import { appendTurn, listTurns } from '../../services/turns.ts';
import { insertSummary } from './memory-samples.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('the context', (world) => {
  const newCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    return { user, sessionId: session.id, agent: await world().claim(user, session) };
  };
  const say = (agent: Awaited<ReturnType<typeof newCall>>['agent'], text: string) => {
    const turn = newTurnSchema.parse({ id: newId(), speaker: 'user', text, saidAt: world().clock.now().toISOString() });
    return appendTurn(world().context(agent), { sessionId: agent.sessionId, turn });
  };

  it('is what the single reads give, to the agent', async () => {
    const { user, sessionId, agent } = await newCall();
    await saveOnboardingStep(world().context(user), { step: 'preferred_name', answer: 'Ann' });
    await saveOnboardingStep(world().context(user), { step: 'language', answer: 'nl' });
    await updatePreferences(world().context(user), { patch: { pace: { words: 120 } } });
    await updateSession(world().context(user), { sessionId, changes: { title: 'Monday' } });
    await say(agent, 'hello');
    const { fact } = await proposeFact(world().context(agent), { id: newId(), text: 'Sings in a choir' });
    await keepFact(world().context(user), { factId: fact.id });
    const earlier = await world().newSession(user);
    await insertSummary(world(), { sessionId: earlier.id, ...user }, 'They spoke about singing.');

    expect(await getContext(world().context(agent))).toEqual({
      profile: await getProfile(world().context(user)),
      preferences: { values: { pace: { words: 120 } }, version: 2 },
      onboarding: await getOnboarding(world().context(user)),
      session: await getSession(world().context(user), { sessionId }),
      turns: await listTurns(world().context(user), { sessionId }),
      facts: (await listFacts(world().context(user), {})).items,
      summaries: [await getSummary(world().context(user), { sessionId: earlier.id })],
    });
    expect(await getContext(world().context(user), { sessionId })).toEqual(await getContext(world().context(agent)));
  });

  it('holds the last turns, in order', async () => {
    const { agent } = await newCall();
    for (let count = 1; count <= sizes.contextTurns + 2; count += 1) await say(agent, `turn ${count}`);
    const { turns } = await getContext(world().context(agent));
    expect(turns.map(({ position }) => position)).toEqual(
      Array.from({ length: sizes.contextTurns }, (_, index) => index + 3),
    );
  });

  it('has no session for a user who names none', async () => {
    const { user, agent } = await newCall();
    await say(agent, 'hello');
    expect(await getContext(world().context(user))).toMatchObject({ session: null, turns: [] });
  });

  it('is one statement', async () => {
    const { agent } = await newCall();
    const query = vi.spyOn(pg.Client.prototype, 'query');
    onTestFinished(() => query.mockRestore());
    await getContext(world().context(agent));
    const sent = (query.mock.calls as unknown as [string | pg.QueryConfig][]).map(([asked]) =>
      typeof asked === 'string' ? asked : asked.text,
    );
    // Besides what begins, scopes and ends its transaction, which PGlite does in part itself.
    const own = sent.filter((text) => !/^(begin|commit)$|set_config/.test(text));
    expect(own).toEqual([expect.stringMatching(/^select /)]);
  });

  it('is not found for a session of another user, another session of the same agent, and without a user', async () => {
    const [one, other] = [await newCall(), await newCall()];
    const neighbour = await world().newSession(one.user);
    for (const [actor, sessionId] of [
      [one.user, other.sessionId],
      [one.user, newId()],
      [one.agent, neighbour.id],
    ] as const) {
      await expect(getContext(world().context(actor), { sessionId })).rejects.toMatchObject({ code: 'not_found' });
    }
    const nobody = { ...one.user, userId: newId() };
    await expect(getContext(world().context(nobody))).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is remembered as it is stored: with ciphertext in place of names and words', async () => {
    const { agent, user } = await newCall();
    await saveOnboardingStep(world().context(user), { step: 'preferred_name', answer: 'Annabel' });
    await say(agent, 'my private words');
    const remembered: string[] = [];
    const cache = {
      ...world().services.cache,
      read: async <Stored, Opened>(
        _owner: object,
        name: string,
        entry: { load(): Promise<Stored>; open(stored: Stored): Opened; schema: { parse(value: unknown): Stored } },
      ) => {
        const text = JSON.stringify(await entry.load());
        remembered.push(name, text);
        return entry.open(entry.schema.parse(JSON.parse(text)));
      },
    };
    const found = await getContext({ ...world().context(agent), cache });
    expect(found).toEqual(await getContext(world().context(agent)));
    expect(found).toMatchObject({ profile: { preferredName: 'Annabel' }, turns: [{ text: 'my private words' }] });
    expect(remembered[0]).toBe(`context:${agent.sessionId}`);
    expect(remembered[1]).not.toMatch(/Annabel|private/);
  });
});
