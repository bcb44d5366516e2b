import { newId } from '../../core/ids.ts';
import { summaries } from '../../db/schema/summaries.ts';
import type { AgentActor } from '../../domain/actor.ts';
import { forgetFact, keepFact, listFacts, proposeFact } from '../../services/facts.ts';
import { seal } from '../../services/fields.ts';
import type { Verb } from '../../services/permissions.ts';
import { getSummary, summarizeSession } from '../../services/summaries.ts';
import type { Sample } from './verb-samples.ts';
import type { World } from './world.ts';

/** Samples of the verbs about what is remembered of a person. */
export const memorySamples = {
  'facts.read': { listFacts: (context) => listFacts(context, {}) },
  'facts.propose': { proposeFact: (context) => proposeFact(context, { id: newId(), text: `likes ${newId()}` }) },
  'facts.write': {
    keepFact: (context, { factId }) => keepFact(context, { factId }),
    forgetFact: (context, { factId }) => forgetFact(context, { factId }),
  },
  'summaries.read': { getSummary: (context, { sessionId }) => getSummary(context, { sessionId }) },
  'summaries.write': {
    summarizeSession: (context, { sessionId, tenantId, userId }) =>
      summarizeSession(context, { sessionId, tenantId, userId }),
  },
} satisfies Partial<Record<Verb, Record<string, Sample>>>;

/** Has an agent propose something of its person, and its session summed up. @returns the fact's id */
export async function remember(world: World, agent: AgentActor): Promise<string> {
  const { fact } = await proposeFact(world.context(agent), { id: newId(), text: `fact of ${agent.userId}` });
  await insertSummary(world, agent, `summary of ${agent.userId}`);
  return fact.id;
}

/** A summary of a session, past the job that writes them. */
export async function insertSummary(
  { admin, services, clock }: World,
  { sessionId, tenantId, userId }: { sessionId: string; tenantId: string; userId: string },
  text: string,
  writtenAt = clock.now(),
): Promise<void> {
  await admin.insert(summaries).values({
    sourceSessionId: sessionId,
    tenantId,
    userId,
    text: seal(services, summaries.text, sessionId, text),
    throughPosition: 1,
    model: 'a model',
    writtenAt,
  });
}
