import { expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import type { UserActor } from '../../domain/actor.ts';
import { exportLexicon } from '../../services/lexicon-export.ts';
import { importLexicon } from '../../services/lexicon-import.ts';
import { correct } from '../../services/lexicon-learning.ts';
import {
  addLexiconEntry,
  getEffectiveLexicon,
  getLexiconVersion,
  listLexiconEntries,
} from '../../services/lexicons.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const pack = 'nl-dental';
const mark = '\uFEFF';

describeOnBothDatabases('a file of terms', (world) => {
  const newAdmin = async (): Promise<UserActor> => ({
    ...(await world().newUser(await world().newTenant())),
    roles: ['admin'],
  });

  it.each(['user', 'tenant'] as const)('adds to the lexicon of a %s, replaces, and tells which', async (owner) => {
    const context = world().context(await newAdmin());
    const ref = { owner, pack };
    const file = 'canonical,category,variants\r\ncariës,finding,karies|karius\r\ncomposiet,material,\r\n';
    expect(await importLexicon(context, { ...ref, file })).toEqual({
      added: 2,
      changed: 0,
      unchanged: 0,
      rejected: [],
    });
    const version = await getLexiconVersion(context);
    expect(await importLexicon(context, { ...ref, file })).toEqual({
      added: 0,
      changed: 0,
      unchanged: 2,
      rejected: [],
    });
    expect(await getLexiconVersion(context)).toBe(version);

    const newer = 'canonical,category,variants\nCaries,finding,karies\ncomposiet,material,\npulpitis,finding,\n';
    expect(await importLexicon(context, { ...ref, file: newer })).toEqual({
      added: 1,
      changed: 1,
      unchanged: 1,
      rejected: [],
    });
    expect(await getLexiconVersion(context)).toBe(version + 1);
    const { items } = await listLexiconEntries(context, ref);
    expect(items.map(({ canonical, variants, origin, version: of }) => ({ canonical, variants, origin, of }))).toEqual(
      expect.arrayContaining([
        { canonical: 'Caries', variants: ['karies'], origin: 'imported', of: 2 },
        { canonical: 'composiet', variants: [], origin: 'imported', of: 1 },
        { canonical: 'pulpitis', variants: [], origin: 'imported', of: 1 },
      ]),
    );
    expect(await exportLexicon(context, ref)).toBe(
      `${mark}canonical,category,variants\r\nCaries,finding,karies\r\ncomposiet,material,\r\npulpitis,finding,\r\n`,
    );
  });

  it('keeps its good lines when others are bad', async () => {
    const context = world().context(await newAdmin());
    const file = ['canonical,variants', 'cariës,karius', '"open', ',x', 'pulpitis,'].join('\n');
    const report = await importLexicon(context, { owner: 'user', pack, file });
    expect(report).toMatchObject({ added: 2, rejected: [{ line: 3 }, { line: 4 }] });
    expect((await getEffectiveLexicon(context, { pack })).user).toHaveLength(2);
  });

  it('changes nothing in a dry run, which tells the same', async () => {
    const context = world().context(await newAdmin());
    const input = { owner: 'user', pack, file: 'canonical\ncariës\n"' } as const;
    const version = await getLexiconVersion(context);
    const report = await importLexicon(context, { ...input, isDryRun: true });
    expect((await listLexiconEntries(context, input)).items).toEqual([]);
    expect(await getLexiconVersion(context)).toBe(version);
    expect(await importLexicon(context, input)).toEqual(report);
  });

  it('makes what was learned from one correction apply', async () => {
    const context = world().context(await newAdmin());
    const correction = { pack, spoken: 'karius', written: 'cariës', rule: 'lexicon', remember: false };
    await correct(context, correction);
    expect(await exportLexicon(context, { owner: 'user', pack })).toBe(`${mark}canonical,category,variants\r\n`);
    const file = 'canonical\ncariës';
    expect(await importLexicon(context, { owner: 'user', pack, file })).toMatchObject({ added: 0, changed: 1 });
    expect((await getEffectiveLexicon(context, { pack })).user).toMatchObject([{ canonical: 'cariës', variants: [] }]);
  });

  it('of as many terms as there may be is taken whole, and one more is refused whole', {
    timeout: 180_000,
  }, async () => {
    const context = world().context(await newAdmin());
    const lines = Array.from({ length: sizes.lexiconEntries }, (_, index) => `term ${index},term,said ${index}|heard`);
    const file = ['canonical,category,variants', ...lines].join('\r\n');
    const ref = { owner: 'user', pack } as const;
    expect(await importLexicon(context, { ...ref, file })).toMatchObject({ added: sizes.lexiconEntries, rejected: [] });
    const { user } = await getEffectiveLexicon(context, { pack });
    expect(user.length).toBe(sizes.lexiconEntries);
    expect(user.find(({ canonical }) => canonical === 'term 19999')).toEqual({
      canonical: 'term 19999',
      category: 'term',
      variants: ['said 19999', 'heard'],
    });

    const more = 'canonical,category,variants\nterm 1,changed,\none more,term,\n';
    const refused = { code: 'conflict', message: expect.stringContaining('20001') };
    await expect(importLexicon(context, { ...ref, file: more })).rejects.toMatchObject(refused);
    const adding = addLexiconEntry(context, { ...ref, entry: { canonical: 'x', category: 'term', variants: [] } });
    await expect(adding).rejects.toMatchObject(refused);
    expect((await exportLexicon(context, ref)).split('\r\n')).toHaveLength(sizes.lexiconEntries + 2);
  });
});
