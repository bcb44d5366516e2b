import { voice } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { normalizeText } from '../../agents/turns/normalize.ts';
import { normalizeWords } from '../../agents/turns/normalize-words.ts';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';

const pack = createPack('nl-dental', readPackAsset).normalizer();

type Timed = [text: string, startTime: number, endTime: number, confidence?: number];

function wordsOf(text: string, words: Timed[]) {
  const timed = words.map(([word, startTime, endTime, confidence]) =>
    voice.createTimedString({ text: word, startTime, endTime, confidence }),
  );
  return normalizeWords(timed, pack.normalize(text)).map((w) => [w.text, w.startTime, w.endTime, w.confidence]);
}

describe('the timed words of a normalized transcript', () => {
  it('become one where an edit made them one, and stay elsewhere', () => {
    const words: Timed[] = [
      ['Element', 0, 1, 0.9],
      ['drie', 1, 2, 0.8],
      ['zes', 2, 3, 0.6],
      ['mod,', 3, 4, 0.7],
      ['gaaf', 4, 5],
    ];
    expect(wordsOf('Element drie zes mod, gaaf', words)).toEqual([
      ['Element', 0, 1, 0.9],
      ['36', 1, 3, 0.6],
      ['MOD,', 3, 4, 0.7],
      ['gaaf', 4, 5, undefined],
    ]);
  });

  it('become one over several edits that share a word', () => {
    const words: Timed[] = [
      ['elementen', 0, 1],
      ['elf,twaalf', 1, 2],
      ['tot', 2, 3],
      ['en', 3, 4],
      ['met', 4, 5],
      ['veertien', 5, 6],
    ];
    expect(wordsOf('elementen elf,twaalf tot en met veertien', words)).toEqual([
      ['elementen', 0, 1, undefined],
      ['11,12', 1, 2, undefined],
      ['t/m', 2, 5, undefined],
      ['14', 5, 6, undefined],
    ]);
  });

  it('stay as they are when the text does', () => {
    const words: Timed[] = [
      ['geen', 0, 1, undefined],
      ['klachten', 1, 2, undefined],
    ];
    expect(wordsOf('geen klachten', words)).toEqual(words);
  });

  it('stay as they are when they are not the words of the text', () => {
    const words: Timed[] = [
      ['kies', 0, 1, undefined],
      ['elf', 1, 2, undefined],
    ];
    expect(wordsOf('tand elf', words)).toEqual(words);
  });
});

describe('typed text', () => {
  it('is normalized by the first pack for its language', () => {
    const other = { ...pack, pack: 'en-test', language: 'en', normalize: () => pack.normalize('tand elf') };
    expect(normalizeText([other, pack], 'kies twaalf', 'nl').text).toBe('kies 12');
    expect(normalizeText([other, pack], 'kies twaalf', 'en').text).toBe('tand 11');
    const asHeard = { raw: 'kies twaalf', text: 'kies twaalf', edits: [], warnings: [], pack: null };
    expect(normalizeText([other], 'kies twaalf', 'nl')).toEqual(asHeard);
    expect(normalizeText([], 'kies twaalf')).toEqual(asHeard);
    const normalized = { raw: 'kies twaalf', edits: [{ rule: 'tooth' }], warnings: [], pack: 'nl-dental' };
    expect(normalizeText([pack], 'kies twaalf')).toMatchObject(normalized);
  });
});
