import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import type { Role } from '../../domain/role.ts';
import { type ApiWorld, openApiWorld } from './api-world.ts';

const base = '/api/v1/lexicons/nl-dental';
const caries = { canonical: 'cariës', category: 'finding', variants: ['karies'] };

describe('the routes of lexicons', () => {
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld();
  });
  afterAll(() => api.close());

  /** Somebody in a tenant of their own. */
  const newCaller = async (role: Role = 'clinician', inTenant?: string) => {
    const { tenantId, userId } = await api.world.newUser(inTenant ?? (await api.world.newTenant()));
    const { token } = await api.world.accounts.accessTokens.sign({ tenantId, userId, roles: [role] });
    const send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      api.send(method, `${base}${path}`, { token, body, headers });
    return { tenantId, send };
  };

  it('keep entries, by their versions', async () => {
    const { send } = await newCaller();
    const added = await send('POST', '/entries', { canonical: '  cariës ', category: 'finding', variants: ['karies'] });
    expect(added).toMatchObject({ status: 201, body: { ...caries, pack: 'nl-dental', origin: 'added', version: 1 } });
    const id = String(added.body.id);
    const tag = added.headers.get('etag') ?? '';
    const read = await send('GET', `/entries/${id}`);
    expect({ status: read.status, tag: read.headers.get('etag'), body: read.body }).toEqual({
      status: 200,
      tag,
      body: added.body,
    });
    expect((await send('GET', `/entries/${id}`, undefined, { 'if-none-match': tag })).status).toBe(304);
    const changed = await send('PATCH', `/entries/${id}`, { variants: [] }, { 'if-match': tag });
    expect(changed).toMatchObject({ status: 200, body: { canonical: 'cariës', variants: [], version: 2 } });
    for (const late of [
      await send('PATCH', `/entries/${id}`, { variants: [] }, { 'if-match': tag }),
      await send('DELETE', `/entries/${id}`, undefined, { 'if-match': tag }),
    ]) {
      expect(late).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    }
    const again = await send('POST', '/entries', { canonical: 'CARIES' });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringContaining(id) } });
    const newer = changed.headers.get('etag') ?? '';
    expect((await send('DELETE', `/entries/${id}`, undefined, { 'if-match': newer })).status).toBe(204);
    expect((await send('GET', `/entries/${id}`)).status).toBe(404);
  });

  it('list entries by pages, of the user or of the tenant', async () => {
    const admin = await newCaller('admin');
    for (const canonical of ['a', 'b', 'c']) {
      expect((await admin.send('POST', '/entries?owner=tenant', { canonical })).status).toBe(201);
    }
    const { send } = await newCaller('student', admin.tenantId);
    const first = await send('GET', '/entries?owner=tenant&limit=2');
    const second = await send('GET', `/entries?owner=tenant&limit=2&cursor=${first.body.nextCursor}`);
    expect(first.body).toMatchObject({ entries: [{ version: 1 }, { version: 1 }], nextCursor: expect.any(String) });
    expect(second.body).toMatchObject({ entries: [{ version: 1 }], nextCursor: null });
    expect((await send('GET', '/entries')).body).toEqual({ entries: [], nextCursor: null });
    expect((await send('POST', '/entries?owner=tenant', { canonical: 'd' })).status).toBe(403);
    expect((await send('POST', '/import?owner=tenant', 'canonical\nd')).status).toBe(403);
  });

  it('give what applies, once a version', async () => {
    const { send } = await newCaller();
    await send('POST', '/entries', caries);
    const first = await send('GET', '/effective');
    expect(first).toMatchObject({ status: 200, body: { version: '1', user: [caries], tenant: [] } });
    const known = { 'if-none-match': first.headers.get('etag') ?? '' };
    expect((await send('GET', '/effective', undefined, known)).status).toBe(304);
    expect(await send('POST', '/corrections', { spoken: 'a', written: 'b', rule: 'tooth' })).toMatchObject({
      status: 200,
      body: { outcome: 'ignored' },
    });
    expect((await send('GET', '/effective', undefined, known)).status).toBe(304);
    const correction = { spoken: 'karius', written: 'cariës', rule: 'lexicon', remember: true };
    expect((await send('POST', '/corrections', correction)).body).toEqual({ outcome: 'learned' });
    const second = await send('GET', '/effective', undefined, known);
    expect(second).toMatchObject({ status: 200, body: { version: '2', user: [{ variants: ['karies', 'karius'] }] } });
  });

  it('take a file and give it back', async () => {
    const { send } = await newCaller();
    const csv = { 'content-type': 'text/csv' };
    const file = '\uFEFFcanonical;category;variants\r\ncariës;finding;karies\r\n;;x\r\n';
    const report = { added: 1, changed: 0, unchanged: 0, rejected: [{ line: 3, reason: 'canonical: is empty' }] };
    expect(await send('POST', '/import?dryRun=true', file, csv)).toMatchObject({ status: 200, body: report });
    expect((await send('GET', '/entries')).body).toMatchObject({ entries: [] });
    expect(await send('POST', '/import?dryRun=false', file, csv)).toMatchObject({ status: 200, body: report });
    const exported = await send('GET', '/export');
    expect(exported.text).toBe('canonical,category,variants\r\ncariës,finding,karies\r\n');
    expect(exported.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    expect(exported.headers.get('content-disposition')).toBe('attachment; filename="nl-dental-user.csv"');
  });

  it('refuse files that are none, or too large, whole', async () => {
    const { send } = await newCaller();
    expect(await send('POST', '/import', 'one,two\n1,2')).toMatchObject({
      status: 400,
      body: { code: 'invalid_input', errors: [{ field: 'body', message: expect.stringContaining('canonical') }] },
    });
    const lines = `canonical\n${'x\n'.repeat(sizes.lexiconEntries + 1)}`;
    expect(await send('POST', '/import', lines)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    const bytes = `canonical\n${'x'.repeat(sizes.lexiconFileBytes)}`;
    expect(await send('POST', '/import', bytes)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    const rest = `canonical\n${'x'.repeat(sizes.requestBodyBytes)}`;
    expect(await send('POST', '/entries', rest)).toMatchObject({ status: 413, body: { code: 'too_large' } });
    expect((await send('GET', '/entries')).body).toMatchObject({ entries: [] });
  });

  it('refuse what is not UTF-8, as older spreadsheets save it', async () => {
    const { tenantId, userId } = await api.world.newUser();
    const { token } = await api.world.accounts.accessTokens.sign({ tenantId, userId, roles: [] });
    const response = await api.app.request(`${base}/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
      body: Buffer.from('canonical\ncariës', 'latin1'),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('CSV UTF-8') });
  });

  it.each<[string, string, unknown, string]>([
    ['POST', '/entries', { canonical: ' ' }, 'canonical'],
    ['POST', '/entries', { canonical: 'a', variants: ['a', '=b'] }, 'variants.1'],
    ['POST', '/entries', { canonical: 'a', pack: 'x' }, 'pack'],
    ['POST', '/entries?owner=nobody', { canonical: 'a' }, 'owner'],
    ['PATCH', `/entries/${newId()}`, { canonical: '' }, 'canonical'],
    ['GET', '/entries?cursor=x', undefined, 'cursor'],
    ['POST', '/import?dryRun=maybe', 'canonical', 'dryRun'],
    ['POST', '/corrections', { spoken: 'a', written: 'b' }, 'rule'],
    ['GET', '/../nl-nothing/effective', undefined, 'pack'],
    ['GET', '/../Dental/export', undefined, 'pack'],
  ])('name what is wrong: %s %s with %j', async (method, path, body, field) => {
    const { send } = await newCaller();
    const refused = await send(method, path, body);
    expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_input', errors: [{ field }] } });
  });
});
