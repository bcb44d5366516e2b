import { describe, expect, test, vi } from 'vitest';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { type Answer, backendFixture, routes, sessionId } from '../support/backend-fixture.ts';

describe('the backend of a job', () => {
  const { backend, requests, answerNext, seen, recorded, lease, turn } = backendFixture();

  test('asks for everything a call begins with in one request', async () => {
    await backend().claim('join-token', lease());
    expect(await backend().context()).toEqual({ profile: { preferredName: null }, turns: [] });
    expect(requests.slice(1)).toMatchObject([{ route: routes.context, token: 'session-token-1' }]);
  });

  test('keeps where a call is after the turns before it', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.turns, [{ status: 503 }]);
    backend().appendTurn(turn('hello'));
    answerNext(routes.checkpoint, [{ status: 409 }]);
    backend().checkpoint({ agent: 'concierge' });
    backend().checkpoint({ agent: 'onboarding' });
    await expect
      .poll(() => seen(routes.checkpoint).map(({ body }) => body))
      .toEqual(['{"agent":"concierge"}', '{"agent":"onboarding"}']);
    expect(requests.findIndex(({ route }) => route === routes.checkpoint)).toBeGreaterThan(
      requests.findLastIndex(({ route }) => route === routes.turns),
    );
  });

  test('records turns in order, one after another, each repeat under its own id', async () => {
    await backend().claim('join-token', lease());
    const turns = ['one', 'two', 'three'].map(turn);
    const [one, two, three] = turns.map(({ id }) => id);
    answerNext(routes.turns, ['hang-up', { status: 503 }, { status: 201, body: {} }, 'hang-up']);
    for (const said of turns) backend().appendTurn(said);
    await expect.poll(recorded, { timeout: 5_000 }).toEqual([one, one, one, two, two, three]);
    expect(seen(routes.turns).map(({ token }) => token)).toEqual(Array(6).fill('session-token-1'));
    expect(JSON.parse(seen(routes.turns)[0]?.body ?? '')).toEqual(turns[0]);
  });

  test('goes on with the next turn when one is refused', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.turns, [
      { status: 400, body: { code: 'invalid_input', detail: 'text: is longer than it may be' } },
    ]);
    const turns = ['one', 'two'].map(turn);
    for (const said of turns) backend().appendTurn(said);
    await expect.poll(recorded).toEqual(turns.map(({ id }) => id));
  });

  test('sends what is queued before it gives the lease back, and nothing afterwards', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.turns, [{ status: 503 }, { status: 503 }]);
    const turns = ['one', 'two'].map(turn);
    for (const said of turns) backend().appendTurn(said);
    await backend().close('person-left');
    expect(recorded().slice(-2)).toEqual(turns.map(({ id }) => id));
    expect(requests.at(-1)?.route).toBe(routes.lease);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs * 2);
    await backend().close('person-left');
    expect(requests.at(-1)?.route).toBe(routes.lease);
    expect(seen(routes.lease)).toHaveLength(1);
  });

  test('closes in time however many turns are queued for an API that does not answer', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.turns, Array(1_000).fill({ status: 503 }));
    for (const said of ['one', 'two', 'three', 'four'].map(turn)) backend().appendTurn(said);
    const startedAt = performance.now();
    await backend().close('person-left');
    // A job that takes 30 s to end is killed.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(requests.at(-1)?.route).toBe(routes.lease);
  }, 60_000);

  test('reads the note and the terms of a pack', async () => {
    await backend().claim('join-token', lease());
    expect(await backend().note()).toEqual({ version: 3 });
    expect(await backend().lexicon('nl-dental')).toEqual({ version: '7.2', user: [], tenant: [] });
  });

  test('reads the last hundred turns, those that waited to be kept among them', async () => {
    await backend().claim('join-token', lease());
    const listRoute = (query: string) => `GET /api/v1/sessions/${sessionId}/turns?${query}`;
    const page = (from: number, length: number): Answer => ({
      status: 200,
      body: { turns: Array.from({ length }, (_, index) => ({ position: from + index })) },
    });
    answerNext(listRoute('limit=100'), [page(0, 100)]);
    answerNext(listRoute('limit=100&after=99'), [page(100, 3)]);
    backend().appendTurn(turn('one'));
    expect((await backend().turns()).map(({ position }) => position)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 3),
    );
    const asked = requests.map(({ route }) => route);
    expect(asked.indexOf(routes.turns)).toBeLessThan(asked.indexOf(listRoute('limit=100')));
  });

  test('reads and changes preferences', async () => {
    await backend().claim('join-token', lease());
    answerNext('GET /api/v1/preferences', [{ status: 200, body: { tea: true } }]);
    expect(await backend().preferences()).toEqual({ tea: true });
    answerNext('PATCH /api/v1/preferences', [{ status: 200, body: {} }]);
    expect(await backend().changePreferences({ tea: null })).toEqual({});
    expect(seen('PATCH /api/v1/preferences').map(({ body }) => body)).toEqual(['{"tea":null}']);
  });

  test('changes the note in order, one after another, each repeat under its own id, while turns go their own way', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.changes, ['hang-up', { status: 503 }, 'hang-up']);
    const changes = (['new-line', 'undo', 'next-patient'] as const).map((type) => ({
      id: newId(),
      operation: { type },
    }));
    const saved = changes.map((change) => backend().changeNote(change));
    backend().appendTurn(turn('one'));
    await expect.poll(recorded).toHaveLength(1);
    expect(await Promise.all(saved)).toEqual([{ version: 4 }, { version: 4 }, { version: 4 }]);
    const sent = seen(routes.changes).map(({ body }) => JSON.parse(body) as unknown);
    expect(sent).toEqual([changes[0], changes[0], changes[0], ...changes]);
  });

  test('tells whose change of the note is refused, and goes on with the next', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.changes, [{ status: 409, body: { code: 'conflict', detail: 'The note is full' } }]);
    const changes = [1, 2].map(() => backend().changeNote({ id: newId(), operation: { type: 'new-line' } }));
    await expect(changes[0]).rejects.toMatchObject({ code: 'conflict' });
    expect(await changes[1]).toEqual({ version: 4 });
  });

  test('sends the changes of the note that wait before it gives the lease back', async () => {
    await backend().claim('join-token', lease());
    answerNext(routes.changes, [{ status: 503 }, { status: 503 }]);
    const saved = backend().changeNote({ id: newId(), operation: { type: 'new-line' } });
    await backend().close('person-left');
    expect(await saved).toEqual({ version: 4 });
    expect(requests.slice(-2).map(({ route }) => route)).toEqual([routes.changes, routes.lease]);
  });
});
