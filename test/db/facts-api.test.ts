import { hc } from 'hono/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryBackend } from '../../agents/memory-backend.ts';
import type { App } from '../../api/app.ts';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { recordConsent } from '../../services/consents.ts';
import { type ApiWorld, developmentToken, openApiWorld } from './api-world.ts';
import { insertSummary } from './memory-samples.ts';

describe('the routes of the memory', () => {
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld();
  });
  afterAll(() => api.close());

  /** What an agent reaches them with, straight into the app. */
  const newAgent = async () => {
    const { agent, sessionToken } = await api.newCall();
    const client = hc<App>('http://api.test', {
      headers: { authorization: `Bearer ${sessionToken}` },
      fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) => api.app.request(String(input), init),
    });
    const memory = new MemoryBackend(client, async (call) => {
      const answer = await call();
      if (answer.ok) return answer;
      const { code, detail } = (await answer.json()) as { code: 'not_found'; detail: string };
      throw new AppError(code, detail);
    });
    return { memory, agent, sessionToken };
  };

  it('are what an agent proposes by, keeps, reads and forgets', async () => {
    const { memory, agent } = await newAgent();
    const fact = await memory.propose('Sings in a choir');
    expect(fact).toMatchObject({ text: 'Sings in a choir', state: 'proposed', sourceSessionId: agent.sessionId });
    expect(await memory.propose('sings in a choir')).toEqual(fact);
    expect(await memory.keep(fact.id)).toMatchObject({ id: fact.id, state: 'kept' });
    expect((await memory.facts()).map(({ id }) => id)).toEqual([fact.id]);
    await memory.forget(fact.id);
    expect(await memory.facts()).toEqual([]);
    // Forgotten already is forgotten; anything else is told.
    await memory.forget(fact.id);
    await expect(memory.keep(fact.id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(memory.forget('no id')).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('tell an agent what earlier sessions were about', async () => {
    const { agent: earlier } = await newAgent();
    await insertSummary(api.world, earlier, 'They spoke of a choir.');
    const { memory } = await newAgent();
    expect(await memory.earlierSessions()).toMatchObject([
      { sessionId: earlier.sessionId, text: 'They spoke of a choir.' },
    ]);
    const { status, body } = await api.send('GET', `/api/v1/sessions/${earlier.sessionId}/summary`, {
      token: developmentToken,
    });
    expect({ status, body }).toMatchObject({ status: 200, body: { text: 'They spoke of a choir.' } });
  });

  it('answer 201 to what is new and 200 to what was there, and are kept by their person', async () => {
    const { sessionToken: token } = await newAgent();
    const body = { id: newId(), text: 'Has a dog' };
    expect((await api.send('POST', '/api/v1/facts', { token, body })).status).toBe(201);
    expect((await api.send('POST', '/api/v1/facts', { token, body })).status).toBe(200);
    const own = { token: developmentToken };
    expect((await api.send('POST', `/api/v1/facts/${body.id}/keep`, own)).body).toMatchObject({ state: 'kept' });
    const { body: listed } = await api.send('GET', '/api/v1/facts?state=proposed', own);
    expect(listed).toEqual({ facts: [], nextCursor: null });
    expect((await api.send('DELETE', `/api/v1/facts/${body.id}`, own)).status).toBe(204);
  });

  it('refuse what is too long, and all of it while the person refuses to be remembered', async () => {
    const { memory, agent } = await newAgent();
    await expect(memory.propose('x'.repeat(301))).rejects.toMatchObject({ code: 'invalid_input' });
    const { tenantId, userId } = agent;
    const person = { kind: 'user', tenantId, userId, roles: [] } as const;
    await recordConsent(api.world.context(person), { purpose: 'memory', granted: false, policyVersion: '1' });
    await expect(memory.propose('Sings')).rejects.toMatchObject({ code: 'forbidden' });
  });
});
