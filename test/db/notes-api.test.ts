import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { type ApiWorld, developmentToken, openApiWorld } from './api-world.ts';

const token = developmentToken;
const write = (text: string) => ({
  id: newId(),
  operation: {
    type: 'write',
    segment: { id: newId(), raw: text, text, edits: [], saidAt: '2026-11-20T10:00:00.000Z' },
  },
});

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const newNote = async () => {
  const { agent, sessionToken } = await api.newCall();
  const path = `/api/v1/sessions/${agent.sessionId}/note`;
  return { id: agent.sessionId, path, operations: `${path}/operations`, sessionToken };
};
/** The text of an answer, which `send` takes for JSON. */
const getText = async (path: string, headers: Record<string, string> = {}) => {
  const response = await api.app.request(path, { headers: { authorization: `Bearer ${token}`, ...headers } });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('GET /api/v1/sessions/{id}/note', () => {
  it('answers with the note and its structure, and 304 while it is unchanged', async () => {
    const { id, path, operations, sessionToken } = await newNote();
    const empty = await api.send('GET', path, { token });
    expect(empty).toMatchObject({ status: 200, body: { sessionId: id, version: 0, updatedAt: null } });
    expect(empty.headers.get('etag')).toBe(`"${id}.0"`);
    await api.send('POST', operations, { token: sessionToken, body: write('element 26 MOD composiet') });
    const { body, headers } = await api.send('GET', path, { token });
    expect(body).toMatchObject({
      version: 1,
      structured: { patients: [{ teeth: [{ tooth: 26, surfaces: ['MOD'], materials: [{ term: 'composiet' }] }] }] },
    });
    const known = { 'if-none-match': headers.get('etag') ?? '' };
    expect((await api.send('GET', path, { token, headers: known })).status).toBe(304);
  });

  it('answers with text where that is asked for', async () => {
    const { path, operations } = await newNote();
    await api.send('POST', operations, { token, body: write('element 26 MOD composiet') });
    await api.send('POST', operations, { token, body: { id: newId(), operation: { type: 'new-line' } } });
    await api.send('POST', operations, { token, body: write('cariës op element 37') });
    for (const answer of [await getText(`${path}?format=text`), await getText(path, { accept: 'text/plain' })]) {
      expect(answer.text).toBe('element 26 MOD composiet\ncariës op element 37');
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain; charset=utf-8/i);
      expect(answer.headers.get('vary')).toBe('origin, accept');
    }
    for (const accept of ['*/*', 'application/json', 'text/html', 'application/json, text/plain;q=0.5']) {
      expect((await getText(path, { accept })).headers.get('content-type')).toMatch(/^application\/json/);
    }
    expect((await getText(`${path}?format=json`, { accept: 'text/plain' })).text).toMatch(/^\{/);
    expect((await getText(`${path}?format=pdf`)).status).toBe(400);
  });

  it('has one ETag for the text and another for the JSON', async () => {
    const { path } = await newNote();
    const { headers } = await api.send('GET', path, { token });
    const tag = headers.get('etag') ?? '';
    expect((await getText(`${path}?format=text`, { 'if-none-match': tag })).status).toBe(200);
    const text = await getText(`${path}?format=text`);
    expect((await getText(`${path}?format=text`, { 'if-none-match': text.headers.get('etag') ?? '' })).status).toBe(
      304,
    );
  });
});

describe('POST /api/v1/sessions/{id}/note/operations', () => {
  it('gives the new note with its ETag, once for each id', async () => {
    const { id, operations } = await newNote();
    const body = write('a');
    const first = await api.send('POST', operations, { token, body });
    expect(first).toMatchObject({ status: 200, body: { version: 1 } });
    expect(first.headers.get('etag')).toBe(`"${id}.1"`);
    expect((await api.send('POST', operations, { token, body })).body).toEqual(first.body);
  });

  it('refuses a change of a version that is no longer there', async () => {
    const { id, operations } = await newNote();
    const headers = { 'if-match': `"${id}.0"` };
    expect((await api.send('POST', operations, { token, headers, body: write('a') })).status).toBe(200);
    expect((await api.send('POST', operations, { token, headers, body: write('b') })).status).toBe(412);
  });

  it('names what is wrong with an operation', async () => {
    const { operations } = await newNote();
    const edits = [{ input: { start: 0, end: 9 }, output: { start: 0, end: 1 }, rule: 'lexicon' }];
    const { id, operation } = write('a');
    const body = { id, operation: { ...operation, segment: { ...operation.segment, edits } } };
    const { status, body: problem } = await api.send('POST', operations, { token, body });
    expect(status).toBe(400);
    expect(problem).toMatchObject({ errors: [{ field: 'operation.segment.edits' }] });
    const unknown = { id: newId(), operation: { type: 'explode' } };
    expect((await api.send('POST', operations, { token, body: unknown })).status).toBe(400);
  });

  it('lets nobody but the agent set the summary', async () => {
    const { operations, sessionToken } = await newNote();
    const body = { id: newId(), operation: { type: 'set-summary', text: 'a', model: 'm' } };
    expect((await api.send('POST', operations, { token, body })).status).toBe(403);
    const { body: note } = await api.send('POST', operations, { token: sessionToken, body });
    expect(note).toMatchObject({ summary: { text: 'a', isDraft: true, model: 'm' } });
  });
});
