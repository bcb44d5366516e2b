import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { facts } from '../../db/schema/facts.ts';
import { sessions } from '../../db/schema/sessions.ts';
import type { AgentActor } from '../../domain/actor.ts';
import { newFactSchema } from '../../domain/fact.ts';
import { createCache } from '../../services/cache.ts';
import { recordConsent } from '../../services/consents.ts';
import { getContext } from '../../services/contexts.ts';
import { eraseUser } from '../../services/erasure.ts';
import { forgetFact, keepFact, listFacts, proposeFact } from '../../services/facts.ts';
import { seal } from '../../services/fields.ts';
import { createMemoryCacheStore } from '../../services/memory-cache-store.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

describeOnBothDatabases('facts', (world) => {
  const newCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    return { user, sessionId: session.id, agent: await world().claim(user, session) };
  };
  const propose = (agent: AgentActor, text: string, id = newId()) =>
    proposeFact(world().context(agent), newFactSchema.parse({ id, text }));

  it('are proposed with where they come from, sealed, and kept once the person agrees', async () => {
    const { user, agent, sessionId } = await newCall();
    await world().admin.update(sessions).set({ activeAgent: 'companion' }).where(eq(sessions.id, sessionId));
    const { fact, created } = await propose(agent, 'Sings in a choir');
    const proposedAt = world().clock.now().toISOString();
    const proposed = { agent: 'companion', sourceSessionId: sessionId, proposedAt, keptAt: null };
    expect({ fact, created }).toEqual({
      fact: { id: fact.id, text: 'Sings in a choir', state: 'proposed', ...proposed },
      created: true,
    });
    const [stored] = await world().admin.select().from(facts).where(eq(facts.id, fact.id));
    expect(JSON.stringify(stored)).not.toContain('choir');

    world().clock.advance(1_000);
    const keptAt = world().clock.now().toISOString();
    const kept = { ...fact, state: 'kept', keptAt };
    expect(await keepFact(world().context(agent), { factId: fact.id })).toEqual(kept);
    world().clock.advance(1_000);
    expect(await keepFact(world().context(user), { factId: fact.id })).toEqual(kept);
  });

  it('name the agent of the dispatch as long as no other is known', async () => {
    const { agent } = await newCall();
    expect((await propose(agent, 'Has a dog')).fact.agent).toBe('parley');
  });

  it('are one fact for one id, and for the same words in other cases and spaces', async () => {
    const { agent, user } = await newCall();
    const { fact } = await propose(agent, 'Sings in a choir');
    const same = { fact, created: false };
    expect(await propose(agent, 'Something else', fact.id)).toEqual(same);
    expect(await propose(agent, '  sings  in a CHOIR ')).toEqual(same);
    const kept = await keepFact(world().context(user), { factId: fact.id });
    expect(await propose(agent, 'SINGS IN A CHOIR')).toEqual({ fact: kept, created: false });
    expect((await listFacts(world().context(user), {})).items).toEqual([kept]);
  });

  it('proposed at the same time by two jobs are one', async () => {
    const { agent, user } = await newCall();
    await Promise.all([propose(agent, 'Sings'), propose(agent, 'sings')]);
    expect((await listFacts(world().context(user), {})).items).toHaveLength(1);
  });

  it('are refused under the id of somebody else', async () => {
    const { fact } = await propose((await newCall()).agent, 'Sings');
    await expect(propose((await newCall()).agent, 'Sings', fact.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('are refused when there are as many as there may be, until one is forgotten', async () => {
    const { agent, user } = await newCall();
    const { tenantId, userId } = user;
    const rows = Array.from({ length: sizes.facts }, (_, index) => {
      const id = newId();
      const text = seal(world().services, facts.text, id, `fact ${index}`);
      const proposedAt = world().clock.now();
      return { id, tenantId, userId, agent: 'companion', text, state: 'proposed' as const, proposedAt };
    });
    await world().admin.insert(facts).values(rows);
    await expect(propose(agent, 'One more')).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('forget one first'),
    });
    expect(await propose(agent, 'Fact 7')).toMatchObject({ created: false });
    await forgetFact(world().context(agent), { factId: rows[0]?.id as string });
    expect(await propose(agent, 'One more')).toMatchObject({ created: true });
  });

  it('are refused while the person refuses to be remembered', async () => {
    const { agent, user } = await newCall();
    const decide = (granted: boolean) =>
      recordConsent(world().context(user), { purpose: 'memory', granted, policyVersion: '1' });
    await decide(false);
    await expect(propose(agent, 'Sings')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('refused to be remembered'),
    });
    await decide(true);
    expect(await propose(agent, 'Sings')).toMatchObject({ created: true });
  });

  it('are listed the newest first, by page and by state', async () => {
    const { agent, user } = await newCall();
    const ids: string[] = [];
    for (const text of ['a', 'b', 'c']) {
      ids.unshift((await propose(agent, text)).fact.id);
      world().clock.advance(1);
    }
    const context = world().context(user);
    const page = await listFacts(context, { limit: 2 });
    expect(page.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const rest = await listFacts(context, { limit: 2, after: page.next ?? undefined });
    expect(rest).toMatchObject({ items: [{ id: ids[2] }], next: null });
    await keepFact(context, { factId: ids[1] as string });
    expect((await listFacts(context, { state: 'kept' })).items.map(({ id }) => id)).toEqual([ids[1]]);
  });

  it('are forgotten one by one, and nobody else can', async () => {
    const [{ agent, user }, other] = [await newCall(), await newCall()];
    const { fact } = await propose(agent, 'Sings');
    const factId = fact.id;
    const missing = { code: 'not_found' };
    await expect(keepFact(world().context(other.user), { factId })).rejects.toMatchObject(missing);
    await expect(forgetFact(world().context(other.agent), { factId })).rejects.toMatchObject(missing);
    await forgetFact(world().context(user), { factId });
    await expect(forgetFact(world().context(user), { factId })).rejects.toMatchObject(missing);
    await expect(keepFact(world().context(agent), { factId })).rejects.toMatchObject(missing);
  });

  it('outlive the session they come from, and go with their person', async () => {
    const { agent, user, sessionId } = await newCall();
    const { fact } = await propose(agent, 'Sings');
    await world().admin.delete(sessions).where(eq(sessions.id, sessionId));
    expect((await listFacts(world().context(user), {})).items).toEqual([{ ...fact, sourceSessionId: null }]);
    await expect(propose(agent, 'Dances')).rejects.toMatchObject({ code: 'not_found' });
    await eraseUser(world().context(system), { userId: user.userId });
    expect(await world().admin.select().from(facts).where(eq(facts.userId, user.userId))).toEqual([]);
  });

  it('that are kept are in the context, the newest, also behind a cache', async () => {
    const { agent, user } = await newCall();
    const cache = createCache(createMemoryCacheStore(world().clock.now));
    const [asAgent, asUser] = [agent, user].map((actor) => ({ ...world().context(actor), cache }));
    if (!asAgent || !asUser) throw new Error('two contexts');
    const remembered = async () => (await getContext(asAgent)).facts;
    expect(await remembered()).toEqual([]);
    const { fact } = await proposeFact(asAgent, { id: newId(), text: 'Sings' });
    expect(await remembered()).toEqual([]);
    const kept = await keepFact(asUser, { factId: fact.id });
    expect(await remembered()).toEqual([kept]);
    await forgetFact(asUser, { factId: fact.id });
    expect(await remembered()).toEqual([]);

    for (let count = 0; count <= sizes.contextFacts; count += 1) {
      const { fact: next } = await proposeFact(asAgent, { id: newId(), text: `fact ${count}` });
      await keepFact(asUser, { factId: next.id });
      world().clock.advance(1);
    }
    const newest = await remembered();
    expect(newest).toHaveLength(sizes.contextFacts);
    expect(newest[0]).toMatchObject({ text: `fact ${sizes.contextFacts}` });
    expect(newest.at(-1)).toMatchObject({ text: 'fact 1' });

    for (const granted of [false, true]) {
      await recordConsent(asUser, { purpose: 'memory', granted, policyVersion: '1' });
      expect(await remembered()).toEqual(granted ? newest : []);
    }
    await cache.close();
  });
});
