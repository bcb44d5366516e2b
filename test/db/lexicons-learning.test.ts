import { expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { correctionSchema } from '../../domain/lexicon.ts';
import { importLexicon } from '../../services/lexicon-import.ts';
import { correct, learnCorrection } from '../../services/lexicon-learning.ts';
import {
  addLexiconEntry,
  getEffectiveLexicon,
  getLexiconVersion,
  listLexiconEntries,
} from '../../services/lexicons.ts';
import { withActor } from '../../services/with-actor.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const pack = 'nl-dental';

describeOnBothDatabases('correcting a text', (world) => {
  const newPerson = async () => {
    const user = await world().newUser();
    const context = world().context(user);
    const teach = (spoken: string, written: string, more: { rule?: string; remember?: boolean } = {}) => {
      world().clock.advance(1);
      return correct(context, { pack, ...correctionSchema.parse({ spoken, written, rule: 'lexicon', ...more }) });
    };
    /** What applies: each term with its variants. */
    const applied = async () =>
      (await getEffectiveLexicon(context, { pack })).user.map(({ canonical, variants }) => [canonical, ...variants]);
    return { user, context, teach, applied };
  };

  it('teaches from the second time on', async () => {
    const { context, teach, applied } = await newPerson();
    const before = await getLexiconVersion(context);
    expect(await teach('karius', 'cariës')).toBe('noted');
    expect(await applied()).toEqual([]);
    expect(await getLexiconVersion(context)).toBe(before);
    const { items } = await listLexiconEntries(context, { owner: 'user', pack });
    expect(items).toMatchObject([
      { canonical: 'cariës', variants: [], isActive: false, origin: 'learned', corrections: 1 },
    ]);

    expect(await teach('Karius', 'cariës')).toBe('learned');
    expect(await applied()).toEqual([['cariës', 'Karius']]);
    expect(await getLexiconVersion(context)).toBeGreaterThan(before);
    expect(await teach('kariejes', 'cariës')).toBe('noted');
    expect(await applied()).toEqual([['cariës', 'Karius']]);
    expect(await teach('kariejes', 'cariës')).toBe('learned');
    expect(await applied()).toEqual([['cariës', 'Karius', 'kariejes']]);
    expect(await teach('kariejes', 'cariës')).toBe('learned');
    expect(await applied()).toEqual([['cariës', 'Karius', 'kariejes']]);
  });

  it('teaches at once what is to be remembered', async () => {
    const { teach, applied } = await newPerson();
    expect(await teach('komposiet', 'composiet', { remember: true })).toBe('learned');
    expect(await applied()).toEqual([['composiet', 'komposiet']]);
  });

  it('teaches that a word is one when an edit of it is undone', async () => {
    const { teach, applied } = await newPerson();
    expect(await teach('kroos', 'kroos', { rule: 'spelling' })).toBe('noted');
    expect(await teach('kroos', 'kroos', { rule: 'spelling' })).toBe('learned');
    expect(await applied()).toEqual([['kroos']]);
  });

  it('lets the newer correction win, whether the older one was noted or learned', async () => {
    const { teach, applied } = await newPerson();
    await teach('pulpa', 'Pulpa-test', { remember: true });
    await teach('pulpah', 'Pulpa-test', { remember: true });
    expect(await applied()).toEqual([['Pulpa-test', 'pulpa', 'pulpah']]);
    expect(await teach('pulpa', 'pulpa')).toBe('noted');
    expect(await applied()).toEqual([['Pulpa-test', 'pulpah']]);
    expect(await teach('pulpa', 'pulpa')).toBe('learned');
    expect(await applied()).toEqual([['pulpa'], ['Pulpa-test', 'pulpah']]);
    expect(await teach('pulpa', 'pulpitis', { remember: true })).toBe('learned');
    expect(await applied()).toEqual([
      ['pulpitis', 'pulpa'],
      ['Pulpa-test', 'pulpah'],
    ]);
    expect(await teach('pulpah', 'pulpitis')).toBe('noted');
    expect(await applied()).toEqual([['pulpitis', 'pulpa']]);
    expect(await teach('Pulpa', 'Pulpitis', { remember: true })).toBe('learned');
    expect(await applied()).toEqual([['Pulpitis', 'pulpa']]);
  });

  it('adds to what was added by hand, before which it applies', async () => {
    const { context, teach, applied } = await newPerson();
    const entry = { category: 'finding', variants: ['karius'] };
    for (const canonical of ['cariës', 'Karius-lijst']) {
      await addLexiconEntry(context, { owner: 'user', pack, entry: { ...entry, canonical } });
    }
    await teach('kariejes', 'cariës');
    expect((await applied()).flat()).not.toContain('kariejes');
    await teach('kariejes', 'cariës');
    expect(await applied()).toEqual([
      ['cariës', 'karius', 'kariejes'],
      ['Karius-lijst', 'karius'],
    ]);
    expect(await listLexiconEntries(context, { owner: 'user', pack })).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ category: 'finding', origin: 'added', corrections: 2 }),
      ]),
    });
  });

  it('forgets the oldest of more variants than a term may have', async () => {
    const { teach, applied } = await newPerson();
    const letters = Array.from({ length: sizes.variantsPerTerm + 1 }, (_, index) => `k${'a'.repeat(index + 1)}`);
    for (const spoken of letters) await teach(spoken, 'cariës', { remember: true });
    expect(await applied()).toEqual([['cariës', ...letters.slice(1)]]);
  });

  it.each([
    ['another rule', 'zesentwintig', 'zes en twintig', 'tooth'],
    ['a number', 'twee zes', '26', 'hand'],
    ['a tooth that was misheard', '26', '27', 'lexicon'],
    ['nothing', 'karius', ' ', 'lexicon'],
    ['a formula', '=karius', 'cariës', 'lexicon'],
    ['more than a term', 'a'.repeat(200), 'cariës', 'hand'],
  ])('teaches nothing by %s', async (_name, spoken, written, rule) => {
    const { context, teach } = await newPerson();
    expect(await teach(spoken, written, { rule, remember: true })).toBe('ignored');
    expect((await listLexiconEntries(context, { owner: 'user', pack })).items).toEqual([]);
  });

  it('teaches nothing to a full lexicon but what it has', { timeout: 180_000 }, async () => {
    const { context, teach } = await newPerson();
    const lines = Array.from({ length: sizes.lexiconEntries - 1 }, (_, index) => `term ${index}`);
    const file = ['canonical', 'cariës', ...lines].join('\n');
    await importLexicon(context, { owner: 'user', pack, file });
    expect(await teach('komposiet', 'composiet', { remember: true })).toBe('ignored');
    expect(await teach('karius', 'cariës', { remember: true })).toBe('learned');
    const { user } = await getEffectiveLexicon(context, { pack });
    expect(user.length).toBe(sizes.lexiconEntries);
    expect(user[0]).toMatchObject({ canonical: 'cariës', variants: ['karius'] });
  });

  it('keeps count of corrections that come together', async () => {
    const { teach, applied } = await newPerson();
    const outcomes = await Promise.all([teach('karius', 'cariës'), teach('karius', 'cariës')]);
    expect(outcomes.toSorted()).toEqual(['learned', 'noted']);
    expect(await applied()).toEqual([['cariës', 'karius']]);
  });

  it('is undone with the transaction it is part of, whose agent may learn as well', async () => {
    const { user, context, applied } = await newPerson();
    const agent = world().context(await world().claim(user, await world().newSession(user)));
    const correction = { pack, spoken: 'karius', written: 'cariës', rule: 'hand', remember: true };
    const failing = withActor(agent, async (tx) => {
      await learnCorrection(agent, tx, correction);
      throw new RangeError('the note could not be written');
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await applied()).toEqual([]);
    const before = await getLexiconVersion(context);
    expect(await withActor(agent, (tx) => learnCorrection(agent, tx, correction))).toBe('learned');
    expect(await applied()).toEqual([['cariës', 'karius']]);
    expect(await getLexiconVersion(context)).toBe(before + 1);
  });
});
