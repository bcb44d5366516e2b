import { describe, expect, it } from 'vitest';
import { readBack } from '../../domain/onboarding-read-back.ts';
import { onboardingStep } from '../../domain/onboarding-steps.ts';
import { speakable } from '../../domain/speakable.ts';

describe('a name is read back', () => {
  it.each([
    ['Robin', 'en', 'Robin, R, O, B, I, N.'],
    ['Robin', 'nl', 'Robin, R, O, B, I, N.'],
    ['Ann Lee', 'en', 'Ann Lee, A, N, N, then L, E, E.'],
    ['Ann Lee', 'nl', 'Ann Lee, A, N, N, dan L, E, E.'],
    ["Zoë O'Neil", 'en', "Zoë O'Neil, Z, O, E with two dots, then O, apostrophe, N, E, I, L."],
    ['Zoë', 'nl', 'Zoë, Z, O, E met trema.'],
    ['Rene\u0301', 'en', 'Rene\u0301, R, E, N, E acute.'],
    ['Çan-7', 'nl', 'Çan-7, C met een accent, A, N, streepje, zeven.'],
    ['Александр', 'en', 'Александр, А, Л, Е, К, С, А, Н, Д, Р.'],
  ] as const)('%s in %s', (name, language, said) => expect(readBack('preferred_name', name, language)).toBe(said));

  it('without its letters where they are too many to listen to', () => {
    expect(readBack('preferred_name', 'x'.repeat(31), 'en')).toBe(`${'x'.repeat(31)}.`);
  });
});

describe('an e-mail address is read back', () => {
  it.each([
    ['rob@gmail.com', 'en', 'rob at gmail dot com, with rob spelled R, O, B.'],
    ['rob@abc.org', 'en', 'rob at abc dot org, with rob spelled R, O, B, and abc spelled A, B, C.'],
    [
      'jo.b_2@abc.nl',
      'nl',
      'jo punt b underscore twee apenstaartje abc punt nl, met jo punt b underscore twee gespeld als J, O, punt, B, underscore, twee, en abc gespeld als A, B, C.',
    ],
    [`${'x'.repeat(31)}@gmail.com`, 'en', `${'x'.repeat(31)} at gmail dot com.`],
  ] as const)('%s in %s', (address, language, said) => expect(readBack('email', address, language)).toBe(said));
});

describe('what is read back', () => {
  it('is none of the answers where nobody would miss a letter', () => {
    for (const step of ['goal', 'language', 'follow_up'] as const) expect(readBack(step, 'yes', 'en')).toBeUndefined();
  });

  it('is spoken as it is written', () => {
    for (const language of ['en', 'nl'] as const) {
      for (const said of [
        readBack('preferred_name', 'Zoë de Vries', language),
        readBack('email', 'r.2@abc.org', language),
      ]) {
        expect(speakable(said ?? '', language)).toBe(said);
      }
    }
  });

  it('is of what is stored, however the address was said', () => {
    const parse = (value: string) => onboardingStep('email').answer.safeParse(value).data;
    expect(parse('Robin at example dot org.')).toBe('robin@example.org');
    expect(parse('jan streepje 2 apenstaartje voorbeeld punt nl')).toBe('jan-2@voorbeeld.nl');
    expect(parse('robin @ example.org')).toBe('robin@example.org');
    expect(parse('robin')).toBeUndefined();
  });
});
