import { describe, expect, test } from 'vitest';
import { Vocabulary } from '../../agents/turns/vocabulary.ts';
import { readPackAsset } from '../../core/assets.ts';
import { createLog } from '../../core/log.ts';
import type { EffectiveLexicon } from '../../domain/lexicon.ts';
import { createPack } from '../../domain/normalization/packs.ts';

const packs = ['nl-dental', 'en-general'].map((name) => createPack(name, readPackAsset));
const term = (canonical: string, ...variants: string[]) => ({ canonical, category: 'term', variants });
const nothing: EffectiveLexicon = { version: '1', user: [], tenant: [] };

/** A vocabulary whose API answers when the test says so: `loads` holds what was asked for and not answered yet. */
function open() {
  const loads: { pack: string; answer(lexicon: EffectiveLexicon): void; fail(): void }[] = [];
  let changes = 0;
  const vocabulary = new Vocabulary({
    packs,
    load: (pack) =>
      new Promise((answer, reject) => {
        loads.push({ pack, answer, fail: () => reject(new Error('away')) });
      }),
    onChange: () => {
      changes += 1;
    },
    log: createLog('test', 'silent'),
  });
  const answerAll = (...lexicons: EffectiveLexicon[]) => {
    for (const [index, load] of loads.splice(0).entries()) load.answer(lexicons[index] ?? nothing);
  };
  const normalized = (text: string) => vocabulary.normalizers.map((normalizer) => normalizer.normalize(text).text);
  return { vocabulary, loads, answerAll, normalized, changes: () => changes };
}

describe('the vocabulary of a call', () => {
  test('begins with what is shipped, and takes on the terms of the person and the tenant, the person first', async () => {
    const { vocabulary, answerAll, normalized, changes } = open();
    expect(normalized('kwikstep en karies')).toEqual(['kwikstep en cariës', 'kwikstep en karies']);
    const loading = vocabulary.reload();
    const user = [term('QuickStep', 'kwikstep')];
    answerAll({ version: '2', user, tenant: [term('KwikStep', 'kwikstep'), term('Boneplus', 'boonplus')] });
    await loading;
    expect(normalized('kwikstep boonplus karies')[0]).toBe('QuickStep Boneplus cariës');
    expect(changes()).toBe(1);
  });

  test('forgets a term that was taken away', async () => {
    const { vocabulary, answerAll, normalized } = open();
    const first = vocabulary.reload();
    answerAll({ version: '2', user: [term('QuickStep', 'kwikstep')], tenant: [] });
    await first;
    expect(normalized('kwikstep')[0]).toBe('QuickStep');
    const second = vocabulary.reload();
    answerAll({ ...nothing, version: '3' });
    await second;
    expect(normalized('kwikstep')[0]).toBe('kwikstep');
  });

  test('loads once at a time, and once more for all calls meanwhile', async () => {
    const { vocabulary, loads, answerAll, normalized } = open();
    const loading = [vocabulary.reload(), vocabulary.reload(), vocabulary.reload()];
    expect(loads.map(({ pack }) => pack)).toEqual(['nl-dental', 'en-general']);
    answerAll({ version: '2', user: [term('Oud', 'kwikstep')], tenant: [] });
    await expect.poll(() => loads.length).toBe(2);
    answerAll({ version: '3', user: [term('Nieuw', 'kwikstep')], tenant: [] });
    await Promise.all(loading);
    expect(loads).toEqual([]);
    expect(normalized('kwikstep')[0]).toBe('Nieuw');
  });

  test('makes nothing anew for a version it has, and follows a version it has not', async () => {
    const { vocabulary, loads, answerAll, changes } = open();
    const following = vocabulary.follow('1');
    answerAll();
    await following;
    expect(changes()).toBe(1);
    await vocabulary.follow('1');
    expect(loads).toEqual([]);
    const again = vocabulary.reload();
    answerAll();
    await again;
    expect(changes()).toBe(1);
  });

  test('keeps what it has when the API fails, and tries again at the next word of a version', async () => {
    const { vocabulary, loads, answerAll, normalized } = open();
    const failing = vocabulary.follow('2');
    for (const load of loads.splice(0)) load.fail();
    await failing;
    expect(normalized('karies')[0]).toBe('cariës');
    const following = vocabulary.follow('2');
    const lexicon = { version: '2', user: [term('QuickStep', 'kwikstep')], tenant: [] };
    answerAll(lexicon, { ...nothing, version: '2' });
    await following;
    expect(normalized('kwikstep')[0]).toBe('QuickStep');
    await vocabulary.follow('2');
    expect(loads).toEqual([]);
  });

  test("tells a recogniser of the person's own terms, what was said lately, the tenant's and the shipped ones", async () => {
    const { vocabulary, answerAll } = open();
    const loading = vocabulary.reload();
    const user = [term('Zeldenix'), term('Vaakix')];
    answerAll({ version: '2', user, tenant: [term('Praktijkix'), term('Onlangsix'), term('Vaakix')] });
    await loading;
    const shipped = packs.flatMap((pack) => pack.normalizer().keyTerms());
    const last = shipped.at(-1) as string;
    const terms = vocabulary.keyTerms([`Vandaag vaakix, ${last.toUpperCase()} en`, 'onlangsix geplaatst']);
    expect(terms.slice(0, 5)).toEqual(['Vaakix', 'Zeldenix', 'Onlangsix', last, 'Praktijkix']);
    expect(terms.slice(5)).toEqual(shipped.filter((canonical) => canonical !== last));
    expect(vocabulary.keyTerms([]).slice(0, 3)).toEqual(['Zeldenix', 'Vaakix', 'Praktijkix']);
  });

  test('knows how a language is said aloud if a pack is for it', () => {
    const { vocabulary } = open();
    expect(vocabulary.pronunciation('nl-BE')).toBe(packs[0]?.pronunciation);
    expect(vocabulary.pronunciation('en')).toBe(packs[1]?.pronunciation);
    expect(vocabulary.pronunciation('de')).toBeUndefined();
    expect(vocabulary.pronunciation('')).toBeUndefined();
  });
});
