import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { newId } from '../../core/ids.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import { jobs } from '../../jobs/registry.ts';
import type { RunningJobs } from '../../jobs/start.ts';
import { loadSummarizer } from '../../providers/llm/load-summarizer.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { getContext } from '../../services/contexts.ts';
import { endSession } from '../../services/session-records.ts';
import { appendTurn } from '../../services/turns.ts';
import { runJobs } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('summaries by a job', (world) => {
  let running: RunningJobs | undefined;
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox([anthropicStandIn]);
  });
  afterEach(async () => {
    await running?.close();
    await sandbox.close();
  });

  it('are in the context of the next session once one has ended', async () => {
    const user = await world().newUser();
    const first = await world().newSession(user);
    const agent = await world().claim(user, first);
    for (const text of ['I sing in a choir.', 'We practise on Mondays.', 'I am a bass.', 'Ask me about the concert.']) {
      const turn = newTurnSchema.parse({
        id: newId(),
        speaker: 'user',
        text,
        saidAt: world().clock.now().toISOString(),
      });
      await appendTurn(world().context(agent), { sessionId: first.id, turn });
    }
    await endSession(world().context(user), { sessionId: first.id });

    const next = await world().claim(user, await world().newSession(user));
    const anthropic = { apiKey: 'key', baseUrl: sandbox.url, model: 'claude-haiku-4-5' };
    const log = { info: vi.fn(), warn: vi.fn() };
    const models = { order: ['anthropic' as const], settings: { anthropic } as never };
    running = await runJobs(world(), jobs, { summarizer: await loadSummarizer(models, log) });
    const summaries = async () => (await getContext(world().context(next))).summaries;
    await expect.poll(summaries, { timeout: 30_000 }).toMatchObject([
      {
        sessionId: first.id,
        text: 'In 4 turns the person spoke of this first: I sing in a choir. And of this last: Ask me about the concert.',
        throughPosition: 4,
        model: 'claude-haiku-4-5',
      },
    ]);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });
});
