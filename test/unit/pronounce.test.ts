import { ReadableStream } from 'node:stream/web';
import { describe, expect, test } from 'vitest';
import { pronounce } from '../../agents/turns/pronounce.ts';
import { readPackAsset } from '../../core/assets.ts';
import type { Pronunciation } from '../../domain/normalization/pack.ts';
import { createPack } from '../../domain/normalization/packs.ts';

const { pronunciation } = createPack('nl-dental', readPackAsset);
const written =
  'Genoteerd: element 26 MOD cariës, DPSI 3- en pockets 3 5 4, 13 t/m 23. Verder 0,5 mm op de OPG bij 18 28 en 48';

/** The chunks the voice is given for the chunks a model writes. */
async function spoken(chunks: readonly string[], say: Pronunciation | null = pronunciation): Promise<string[]> {
  const text = new ReadableStream<string>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const said: string[] = [];
  for await (const chunk of pronounce(() => say ?? undefined)(text)) said.push(chunk);
  return said;
}

describe('pronunciation on the way to the voice', () => {
  test('is the same wherever a model cuts its text', async () => {
    const whole = pronunciation.speak(written);
    expect(whole).not.toBe(written);
    expect((await spoken([written])).join('')).toBe(whole);
    expect((await spoken([...written])).join('')).toBe(whole);
    for (let cut = 1; cut < written.length; cut += 1) {
      expect((await spoken([written.slice(0, cut), written.slice(cut)])).join('')).toBe(whole);
    }
  });

  test('lets words go before the text is complete, and no half ones', async () => {
    const chunks = await spoken(['Dat is ge', 'daan, en ik heb het ', 'opge', 'schreven voor u.']);
    expect(chunks.length).toBeGreaterThan(2);
    for (const chunk of chunks.slice(0, -1)) expect(chunk).toMatch(/\s$|\b$/);
    expect(chunks[0]).not.toContain('ge');
  });

  test('of nothing is nothing, and without a pack the text stays', async () => {
    expect(await spoken([])).toEqual([]);
    expect(await spoken([''])).toEqual([]);
    expect(await spoken(['element ', '26'], null)).toEqual(['element ', '26']);
  });
});
