import { ReadableStream } from 'node:stream/web';
import { describe, expect, test } from 'vitest';
import { speakable as speakableTransform } from '../../agents/turns/speakable.ts';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { SpeakableText, speakable } from '../../domain/speakable.ts';
import { randomFrom } from '../support/random.ts';

/** Text, and how it is said in English. */
const inEnglish: [written: string, said: string][] = [
  ['# Your plan\n\n- **Walk** every day\n- Sleep *well* 😀\n', 'Your plan\n\nWalk every day\nSleep well \n'],
  ['1. First\n2. Second', '1. First\n2. Second'],
  ['Run `npm test` now.', 'Run npm test now.'],
  ['```ts\nconst a = 1;\n```\nDone.', '\nconst a = 1;\n\nDone.'],
  ['See [the help](https://parley.example/help), then ![a map](map.png).', 'See the help, then a map.'],
  ['> quoted\n---\nrest', 'quoted\n\nrest'],
  ['| Day | Dose |\n|---|---|\n|Mon|5 mg|', 'Day Dose \n\nMon, 5 milligrams'],
  ['Go to https://www.parley.example/help/?from=mail#top.', 'Go to parley dot example slash help.'],
  ['Mail jo_smith-1@parley.example!', 'Mail jo underscore smith dash 1 at parley dot example!'],
  [
    'On 2026-11-20 at 14:30, or 20/11 at 9:00 (until 14:00).',
    "On November 20, 2026 at 2:30 PM, or November 20 at 9 o'clock (until 2 PM).",
  ],
  ['At 9:30 or 9:00 AM, and 3/4 of it, 24/7.', 'At 9:30 or 9:00 AM, and 3/4 of it, 24/7.'],
  [
    'It is 1,250,000 and $1,250.50, €3 million, £1.',
    'It is 1250000 and 1250 dollars and 50 cents, 3 million euros, 1 pound.',
  ],
  [
    'Drive 60 km/h at -5 °C for 1 km, 12.5%.',
    'Drive 60 kilometres per hour at minus 5 degrees Celsius for 1 kilometre, 12.5 percent.',
  ],
  ['Call +31 6 12345678 or 555-123-4567 now.', 'Call plus 3 1, 6, 1 2 3 4 5 6 7 8 or 5 5 5, 1 2 3, 4 5 6 7 now.'],
  [
    'Fruit, e.g. apples, etc. Then rest, i.e. sleep etc.',
    'Fruit, for example apples, et cetera. Then rest, that is sleep et cetera.',
  ],
  [
    'In 2026 it was 3.14, the 3rd time, with 26 MO and Dr. Who.',
    'In 2026 it was 3.14, the 3rd time, with 26 MO and Dr. Who.',
  ],
  ['\u2063One moment, please.', '\u2063One moment, please.'],
];

const inDutch: [written: string, said: string][] = [
  ['Op 20-11-2026 om 14:30 uur, of 20/11 om 9.05 uur.', 'Op 20 november 2026 om 14 uur 30, of 20 november om 9 uur 5.'],
  ['Het kost € 12,50 of €1.250,- en 3,14 of 0,05.', 'Het kost 12 euro 50 of 1250 euro en 3 komma 14 of 0 komma 0 5.'],
  [
    'De 1e, 3e en 20ste keer, 4-5 mm en 12,5%.',
    'De eerste, derde en twintigste keer, 4 tot 5 millimeter en 12 komma 5 procent.',
  ],
  ['Bel (020) 555 1234 of 06-12345678.', 'Bel 0 2 0, 5 5 5, 1 2 3 4 of 0 6, 1 2 3 4 5 6 7 8.'],
  [
    'Bijv. fruit, brood enz. Daarna m.b.t. 5 km/u: info@parley.example.',
    'Bijvoorbeeld fruit, brood enzovoort. Daarna met betrekking tot 5 kilometer per uur: info apenstaartje parley punt example.',
  ],
  ['Ik heb 3/4 op, in 2026, 24/7.', 'Ik heb 3/4 op, in 2026, 24/7.'],
];

const cases = [
  ...inEnglish.map((pair) => ['en', ...pair] as const),
  ...inDutch.map((pair) => ['nl', ...pair] as const),
];

/** Pieces that mean something to some stage, and others. */
const pieces =
  `hello wereld, good. **bold** *soft words* _it_ 5 26 MO 1,250 3,14 20/11 2026-11-20 14:30 uur km/h °C % € $ 12,50 +31 6
  12345678 (020) 555 1234 e.g. etc. enz. Then - * > # | a|b [link](https://a.example/b) [open ![pic](x) \`code\` https://a.example/b?c
  jo@a.example 😀 👍🏽 1️⃣ \u2063 … " ( ) ' 3e 3rd t/m -5 DPSI 3- ~~no~~ \n \n\n`
    .split(/(?<!\n)[ \n]+(?!\n)/)
    .concat('\n', '\n\n', '\n- ', '\n# ');

function randomText(random: () => number, between: string): string {
  return Array.from({ length: 1 + Math.floor(random() * 14) }, () => {
    const piece = pieces[Math.floor(random() * pieces.length)] ?? '';
    return between || random() < 0.85 ? `${piece} ${between}` : piece;
  }).join('');
}

function inChunks(text: string, language: string, size: () => number): string {
  const stage = new SpeakableText(language);
  let said = '';
  for (let at = 0; at < text.length; ) {
    const end = at + size();
    said += stage.write(text.slice(at, end));
    at = end;
  }
  return said + stage.end();
}

describe('speakable text', () => {
  test.each(cases)('in %s: %j', (language, written, said) => {
    expect(speakable(written, language)).toBe(said);
    expect(speakable(said, language)).toBe(said);
    expect(inChunks(written, language, () => 1)).toBe(said);
  });

  test('of a language without rules keeps numbers, and hosts of addresses', () => {
    expect(speakable('**Am** 20.11. um 14:30: https://parley.example/hilfe, z.B. 5 km 😀', 'de')).toBe(
      'Am 20.11. um 14:30: parley.example, z.B. 5 km ',
    );
  });

  test.each(['en', 'nl', 'de'])('doesn’t depend on how it was cut (%s)', (language) => {
    const random = randomFrom(26);
    for (let round = 0; round < 3_000; round += 1) {
      const text = randomText(random, '');
      const whole = speakable(text, language);
      expect(
        inChunks(text, language, () => 1),
        JSON.stringify(text),
      ).toBe(whole);
      expect(
        inChunks(text, language, () => 1 + Math.floor(random() * 6)),
        JSON.stringify(text),
      ).toBe(whole);
    }
  });

  // Two kinds of notation side by side (`€ 20/11`) may be read differently again, once one of them is said in words.
  test.each(['en', 'nl', 'de'])('is its own speakable text where words stand between notation (%s)', (language) => {
    const random = randomFrom(11);
    for (let round = 0; round < 3_000; round += 1) {
      const text = randomText(random, 'word ');
      const whole = speakable(text, language);
      expect(speakable(whole, language), JSON.stringify(text)).toBe(whole);
    }
  });

  test('leaves plain sentences as they are, and lets them go word by word', async () => {
    const plain =
      'I heard: tell me about the weather in Paris today. It’s 21 degrees, isn’t it? “Yes!” (Really) – 2026…';
    for (const language of ['en', 'nl', 'de']) expect(speakable(plain, language)).toBe(plain);
    const chunks = ['Well', ', that', ' is', ' fi', 'ne'];
    const said: string[] = [];
    for await (const piece of speakableTransform(() => 'en')(ReadableStream.from(chunks))) said.push(piece);
    expect(said).toEqual(
      ['Well,', ' that', ' is', ' fine'].map((word, index) => (index < 3 ? `${word} `.trimStart() : 'fine')),
    );
  });

  test('leaves dental notation to its pack, which reads the same from it', () => {
    const { pronunciation } = createPack('nl-dental', readPackAsset);
    for (const written of [
      'Genoteerd: element 26 MOD cariës, DPSI 3- en pockets 3 5 4.',
      'Elementen 13 t/m 23, en verder 18 28 en 48 op de OPG.',
      'Klasse II bij 46 M en D, kies 36: 26 MO.',
    ]) {
      expect(speakable(written, 'nl')).toBe(written);
    }
    expect(pronunciation.speak(speakable('Op 20/11: **26 MOD**, 4-5 mm en 0,5%.', 'nl'))).toBe(
      'Op 20 november: twee zes em oo dee, 4 tot 5 millimeter en 0 komma 5 procent.',
    );
  });
});
