import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { sessions } from '../../db/schema/sessions.ts';
import { summaries } from '../../db/schema/summaries.ts';
import type { AgentActor, UserActor } from '../../domain/actor.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import { noteChangeSchema } from '../../domain/note.ts';
import type { SaidTurn, Summarizer } from '../../domain/summary.ts';
import { createCache } from '../../services/cache.ts';
import { recordConsent } from '../../services/consents.ts';
import { getContext } from '../../services/contexts.ts';
import { createMemoryCacheStore } from '../../services/memory-cache-store.ts';
import { changeNote } from '../../services/notes.ts';
import { endSession } from '../../services/session-records.ts';
import { endAbandonedSessions, releaseSession } from '../../services/sessions.ts';
import { getSummary, summarizeSession } from '../../services/summaries.ts';
import { appendTurn } from '../../services/turns.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

/** Says how much it was told, and keeps what that was. */
class ScriptedSummarizer implements Summarizer {
  readonly told: SaidTurn[][] = [];
  before: () => Promise<unknown> = async () => undefined;

  async summarize(turns: readonly SaidTurn[]): Promise<{ text: string; model: string }> {
    this.told.push([...turns]);
    await this.before();
    return { text: `They said:\n${turns.length} things.`, model: 'scripted' };
  }
}

describeOnBothDatabases('summaries', (world) => {
  const newCall = async (user?: UserActor) => {
    const owner = user ?? (await world().newUser());
    const session = await world().newSession(owner);
    return { user: owner, sessionId: session.id, agent: await world().claim(owner, session) };
  };
  const say = async (agent: AgentActor, ...texts: string[]) => {
    for (const [index, text] of texts.entries()) {
      const saidAt = world().clock.now().toISOString();
      const speaker = index % 2 ? 'agent' : 'user';
      const turn = newTurnSchema.parse({ id: newId(), speaker, text, saidAt });
      await appendTurn(world().context(agent), { sessionId: agent.sessionId, turn });
    }
  };
  const enough = ['one', 'a', 'two', 'b', 'three', 'c', 'four', 'd'];
  const summarize = (
    { sessionId, user: { tenantId, userId } }: { sessionId: string; user: UserActor },
    summarizer: Summarizer | undefined,
    more: object = {},
  ) => summarizeSession({ ...world().context(system), ...more, summarizer }, { sessionId, tenantId, userId });
  const queued = (sessionId: string) =>
    world().queue.jobs.filter(
      ({ name, payload }) => name === 'summarize-session' && 'sessionId' in payload && payload.sessionId === sessionId,
    );

  it('are written of a whole session, sealed, and read by its person and its agent', async () => {
    const call = await newCall();
    const summarizer = new ScriptedSummarizer();
    await say(call.agent, ...enough);
    await summarize(call, summarizer);
    expect(summarizer.told).toEqual([enough.map((text, index) => ({ speaker: index % 2 ? 'agent' : 'user', text }))]);
    const summary = {
      sessionId: call.sessionId,
      text: 'They said: 8 things.',
      throughPosition: 8,
      model: 'scripted',
      writtenAt: world().clock.now().toISOString(),
    };
    expect(await getSummary(world().context(call.user), call)).toEqual(summary);
    expect(await getSummary(world().context(call.agent), call)).toEqual(summary);
    const [stored] = await world().admin.select().from(summaries).where(eq(summaries.sourceSessionId, call.sessionId));
    expect(JSON.stringify(stored)).not.toContain('things');
  });

  it('are written once for the same turns, and anew when there are more', async () => {
    const call = await newCall();
    const summarizer = new ScriptedSummarizer();
    await say(call.agent, ...enough);
    await summarize(call, summarizer);
    await summarize(call, summarizer);
    expect(summarizer.told).toHaveLength(1);
    await say(call.agent, 'and more');
    await summarize(call, summarizer);
    expect(await getSummary(world().context(call.user), call)).toMatchObject({ throughPosition: 9 });
  });

  it('of an older look never take the place of a newer one', async () => {
    const call = await newCall();
    await say(call.agent, ...enough);
    const slow = new ScriptedSummarizer();
    slow.before = async () => {
      await say(call.agent, 'and more');
      await summarize(call, new ScriptedSummarizer());
    };
    await summarize(call, slow);
    expect(await getSummary(world().context(call.user), call)).toMatchObject({ throughPosition: 9 });
  });

  it('are of the end of a long session', async () => {
    const call = await newCall();
    const summarizer = new ScriptedSummarizer();
    await say(call.agent, ...Array.from({ length: sizes.summaryTurns + 5 }, (_, index) => `turn ${index + 1}`));
    await summarize(call, summarizer);
    expect(summarizer.told[0]).toHaveLength(sizes.summaryTurns);
    expect(summarizer.told[0]?.at(-1)).toMatchObject({ text: `turn ${sizes.summaryTurns + 5}` });
  });

  it('are not written without a model, of few words, of a dictated note, of nothing, and against the wish of the person', async () => {
    const summarizer = new ScriptedSummarizer();
    const [unasked, short, dictated, refused] = [await newCall(), await newCall(), await newCall(), await newCall()];
    for (const { agent } of [unasked, dictated, refused]) await say(agent, ...enough);
    await say(short.agent, ...enough.slice(0, 6));
    const change = noteChangeSchema.parse({ id: newId(), operation: { type: 'new-line' } });
    await changeNote(world().context(dictated.agent), { sessionId: dictated.sessionId, change });
    await recordConsent(world().context(refused.user), { purpose: 'memory', granted: false, policyVersion: '1' });
    await summarize(unasked, undefined);
    for (const call of [short, dictated, refused, { ...short, sessionId: newId() }]) await summarize(call, summarizer);
    expect(summarizer.told).toEqual([]);
    for (const { user, sessionId } of [unasked, short, dictated, refused]) {
      await expect(getSummary(world().context(user), { sessionId })).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('of a session that is erased meanwhile are no failure', async () => {
    const call = await newCall();
    await say(call.agent, ...enough);
    const summarizer = new ScriptedSummarizer();
    summarizer.before = () => world().admin.delete(sessions).where(eq(sessions.id, call.sessionId));
    await summarize(call, summarizer);
    expect(summarizer.told).toHaveLength(1);
    expect(await world().admin.select().from(summaries).where(eq(summaries.userId, call.user.userId))).toEqual([]);
  });

  it('of the last other sessions are in the context, the newest first, also behind a cache', async () => {
    const user = await world().newUser();
    const cache = createCache(createMemoryCacheStore(world().clock.now));
    const now = await newCall(user);
    const told = async () => (await getContext({ ...world().context(now.agent), cache })).summaries;
    expect(await told()).toEqual([]);
    const ids: string[] = [];
    for (let count = 0; count <= sizes.contextSummaries; count += 1) {
      const call = await newCall(user);
      ids.unshift(call.sessionId);
      await say(call.agent, ...enough);
      await summarize(call, new ScriptedSummarizer(), { cache });
      world().clock.advance(1_000);
    }
    await say(now.agent, ...enough);
    await summarize(now, new ScriptedSummarizer(), { cache });
    expect((await told()).map(({ sessionId }) => sessionId)).toEqual(ids.slice(0, sizes.contextSummaries));
    const { summaries: all } = await getContext(world().context(user));
    expect(all[0]).toMatchObject({ sessionId: now.sessionId, text: 'They said: 8 things.' });
    await cache.close();
  });

  it('are queued when a session is ended, once', async () => {
    const { user, sessionId } = await newCall();
    await endSession(world().context(user), { sessionId });
    await endSession(world().context(user), { sessionId });
    const payload = { sessionId, tenantId: user.tenantId, userId: user.userId };
    expect(queued(sessionId)).toEqual([{ name: 'summarize-session', payload }]);
  });

  it('are queued when the person has left, and when a session was left behind', async () => {
    const [left, moved, abandoned] = [await newCall(), await newCall(), await newCall()];
    await releaseSession(world().context(left.agent), { sessionId: left.sessionId, ending: 'person-left' });
    await releaseSession(world().context(moved.agent), { sessionId: moved.sessionId, ending: 'moved' });
    expect([left, moved].map(({ sessionId }) => queued(sessionId).length)).toEqual([1, 0]);
    world().clock.advance(settings.tokenTtlSeconds * 1_000 + 60_000);
    await endAbandonedSessions(world().context(system));
    expect(queued(abandoned.sessionId)).toHaveLength(1);
  });

  it('cannot be asked for by the end of a session of somebody else', async () => {
    const [{ sessionId }, other] = [await newCall(), await newCall()];
    await expect(endSession(world().context(other.user), { sessionId })).rejects.toMatchObject({ code: 'not_found' });
    expect(queued(sessionId)).toEqual([]);
  });
});
