import { describe, expect, it } from 'vitest';
import { splitCommands } from '../../domain/dictation/commands.ts';
import { randomFrom } from '../support/random.ts';

/** What was said, and what it is split into: texts, and commands in brackets. */
type Case = [said: string, ...pieces: string[]];

const split = (said: string) =>
  splitCommands(said).map((piece) => (piece.kind === 'text' ? piece.text : `[${piece.command}]`));

const alone: Record<string, string[]> = {
  'new-line': [
    'nieuwe regel',
    'Nieuwe regel.',
    'NIEUWE REGEL',
    'new line',
    'New line!',
    'newline',
    'oké nieuwe regel',
    'new-line',
  ],
  'new-paragraph': ['nieuwe alinea', 'Nieuwe alinea.', 'nieuwe paragraaf', 'new paragraph', 'New paragraph, please.'],
  'next-patient': [
    'volgende patiënt',
    'Volgende patient.',
    'volgende patie\u0308nt',
    'ja, volgende patiënt alsjeblieft',
    'en dan volgende patiënt',
    'next patient',
    'Okay, next patient please.',
  ],
  undo: [
    'ongedaan',
    'Ongedaan maken.',
    'maak ongedaan',
    'maak dat ongedaan',
    'Maak dat maar... ongedaan maken',
    'undo',
    'Undo!',
    'undo that',
    'nee, maak dat ongedaan',
    'please undo that',
  ],
  'delete-last': [
    'verwijder dat',
    'Verwijder dat.',
    'wis dat',
    'nee wis dat',
    'haal dat weg',
    'haal dat even weg',
    'gooi dat weg',
    'schrap dat',
    'verwijder het laatste',
    'delete that',
    'Delete that, please.',
    'scratch that',
    'erase that',
  ],
  'read-back': [
    'lees voor',
    'lees maar voor',
    'lees terug',
    'Lees dat voor.',
    'lees het voor',
    'lees dat even terug alsjeblieft',
    'read back',
    'Read that back.',
    'read it back to me',
  ],
  'draft-summary': [
    'maak een samenvatting',
    'Maak een concept-samenvatting.',
    'maak een conceptsamenvatting alsjeblieft',
    'vat dat samen',
    'draft a summary',
    'Make a summary, please.',
    'summarize this',
  ],
  stop: [
    'stop',
    'Stop.',
    'stoppen',
    'oké stop',
    'stop dictaat',
    'Stop het dictaat.',
    'stop met dicteren',
    'dictaat stoppen',
    'einde dictaat',
    'stop dictation',
    'Stop dictating, thanks.',
    'end of dictation',
  ],
};

const mixed: Case[] = [
  // Between dictated words.
  ['element 26 MOD nieuwe regel element 27 DO', 'element 26 MOD', '[new-line]', 'element 27 DO'],
  ['element 26 MOD, nieuwe regel, element 27 DO', 'element 26 MOD', '[new-line]', 'element 27 DO'],
  ['Composiet gelegd. Nieuwe regel. Element 27.', 'Composiet gelegd.', '[new-line]', 'Element 27.'],
  ['Wat doet pijn? Nieuwe regel. Niets!', 'Wat doet pijn?', '[new-line]', 'Niets!'],
  ['nieuwe regel element twee zes', '[new-line]', 'element twee zes'],
  ['element twee zes nieuwe regel', 'element twee zes', '[new-line]'],
  ['cariës nieuwe alinea gingivitis', 'cariës', '[new-paragraph]', 'gingivitis'],
  ['tooth 14 new line tooth 15', 'tooth 14', '[new-line]', 'tooth 15'],
  ['a new paragraph b', 'a new paragraph b'],
  ['one nieuwe regel two nieuwe alinea three', 'one', '[new-line]', 'two', '[new-paragraph]', 'three'],
  ['nieuwe regel nieuwe regel', '[new-line]', '[new-line]'],
  ['nieuwe regel en nieuwe alinea', '[new-line]', '[new-paragraph]'],
  [
    'pijn? nieuwe regel nee nieuwe regel koorts? nieuwe regel ja',
    'pijn?',
    '[new-line]',
    'nee',
    '[new-line]',
    'koorts?',
    '[new-line]',
    'ja',
  ],
  ['pocketdiepte 2.6 mm, nieuwe regel', 'pocketdiepte 2.6 mm', '[new-line]'],
  ['recessie 1,5 mm nieuwe regel 2,5 mm', 'recessie 1,5 mm', '[new-line]', '2,5 mm'],
  ['- nieuwe regel -', '[new-line]'],
  ['(verdoving) nieuwe regel (rubberdam)', '(verdoving)', '[new-line]', '(rubberdam)'],
  ['  element 26  nieuwe regel  ', 'element 26', '[new-line]'],
  // At an edge.
  ['composiet gelegd volgende patiënt', 'composiet gelegd', '[next-patient]'],
  ['Composiet gelegd. Volgende patiënt.', 'Composiet gelegd.', '[next-patient]'],
  ['volgende patiënt element 16 cariës', '[next-patient]', 'element 16 cariës'],
  ['Volgende patiënt. Element 16 cariës.', '[next-patient]', 'Element 16 cariës.'],
  ['Composiet gelegd, volgende patiënt, element 16', 'Composiet gelegd', '[next-patient]', 'element 16'],
  ['composite placed next patient', 'composite placed', '[next-patient]'],
  ['element 26 MOD composiet maak dat ongedaan', 'element 26 MOD composiet', '[undo]'],
  ['element 26 MOD composiet ongedaan maken', 'element 26 MOD composiet', '[undo]'],
  ['Element 26. Ongedaan maken. Element 27.', 'Element 26.', '[undo]', 'Element 27.'],
  ['maak ongedaan element 27', '[undo]', 'element 27'],
  ['element 26 DO wis dat', 'element 26 DO', '[delete-last]'],
  ['Element 26 DO. Wis dat. Element 27 DO.', 'Element 26 DO.', '[delete-last]', 'Element 27 DO.'],
  ['element 26 DO haal dat weg', 'element 26 DO', '[delete-last]'],
  ['wis dat nieuwe regel element 27', '[delete-last]', '[new-line]', 'element 27'],
  ['verwijder dat volgende patiënt', '[delete-last]', '[next-patient]'],
  ['tooth 14 crown scratch that', 'tooth 14 crown', '[delete-last]'],
  ['element 26 DO, lees dat voor', 'element 26 DO', '[read-back]'],
  ['element 26 DO lees terug', 'element 26 DO', '[read-back]'],
  ['Element 26 DO. Lees voor.', 'Element 26 DO.', '[read-back]'],
  ['element 26 DO maak een samenvatting', 'element 26 DO', '[draft-summary]'],
  ['Composiet gelegd. Maak een samenvatting. Stop dictaat.', 'Composiet gelegd.', '[draft-summary]', '[stop]'],
  ['composiet gelegd stop dictaat', 'composiet gelegd', '[stop]'],
  ['Composiet gelegd, einde dictaat.', 'Composiet gelegd', '[stop]'],
  ['crown placed stop dictation', 'crown placed', '[stop]'],
  ['maak een samenvatting van dit consult', '[draft-summary]'],
  ['stop stop', '[stop]', '[stop]'],
  ['undo undo', '[undo]', '[undo]'],
  ['nieuwe regel volgende patiënt', '[new-line]', '[next-patient]'],
  ['ongedaan maken nieuwe regel', '[undo]', '[new-line]'],
  ['Ja, nieuwe alinea.', 'Ja', '[new-paragraph]'],
];

const sentences = `
de volgende patiënt komt om drie uur
volgende patiënt komt om drie uur
volgende patiënt heeft angst
de volgende patiënt
voor de volgende patiënt
roep de volgende patiënt
wie is volgende patiënt
instrumenten klaar voor volgende patiënt
volgende patiënten zijn gezien
elke volgende patiënt krijgt een folder
patiënt volgende week terug
the next patient is at three
call the next patient
next patient is waiting
next patient's chart
pijn stopt
de pijn stopt na een uur
stop met roken besproken
gestopt met roken
stopt met bloedverdunners
stoppen met roken besproken
patiënt wil stoppen
advies stoppen met roken
bloeding stop
stop de bloeding
stop bleeding
the bleeding did not stop
bloedverdunners twee dagen stop
we moeten stoppen
een stop in het wortelkanaal
apicale stop op 21 mm
dat kunnen we niet ongedaan maken
de kroon kan niet ongedaan gemaakt worden
ongedaan maken kan niet
dat is niet ongedaan te maken
schade ongedaan gemaakt
we cannot undo that
undo the crown
verwijder dat kroontje
verwijder dat stukje wortel
wis dat bord af
haal dat wortelpuntje weg
haal dat weg met een tang
kun je dat wissen
we moeten dat verwijderen
tandsteen verwijderd
dat verwijderen we volgende week
delete that tooth
did you delete that
remove that crown
lees voor gebruik de bijsluiter
lees de bijsluiter voor
lees dat voor het eten
patiënt leest voor aan haar kinderen
kan niet lezen
read back pain
een nieuwe regel van de verzekeraar
de nieuwe regel
nieuwe regels voor vergoeding
nieuwe regel van de verzekeraar besproken
volgens een nieuwe regel
op een nieuwe regel
a new line of treatment
new line of treatment
the new paragraph
in the new line
vernieuwde regel
regel nieuwe afspraak
er is een samenvatting gemaakt
maak een samenvatting voor de huisarts
samenvatting besproken
patiënt wil dat ik dat samenvat
the summary was drafted
maak een afspraak
einde behandeling
dictaat van gisteren
nieuwe patiënt met pijnklachten
nieuwe alinea's
element zesentwintig mesiaal
en
ja
oké
`
  .trim()
  .split('\n');

describe('a voice command', () => {
  it.each(Object.entries(alone).flatMap(([command, said]) => said.map((each) => [each, command] as const)))(
    'is met in %j',
    (said, command) => {
      expect(split(said).at(-1)).toBe(`[${command}]`);
    },
  );

  it.each(
    Object.values(alone)
      .flat()
      .filter((said) => !said.includes('...')),
  )('leaves nothing to note of %j', (said) => {
    expect(split(said)).toHaveLength(1);
  });

  it.each(mixed)('is split off in %j', (said, ...pieces) => {
    expect(split(said)).toEqual(pieces);
  });

  it.each(sentences)('is not met in %j', (said) => {
    expect(split(said)).toEqual([said]);
  });

  it('comes of no marks and of nothing', () => {
    expect(split('')).toEqual([]);
    expect(split('   ')).toEqual([]);
    expect(split('...')).toEqual(['...']);
  });

  it('has enough cases', () => {
    expect(Object.values(alone).flat().length + mixed.length + sentences.length).toBeGreaterThanOrEqual(150);
  });
});

describe('any utterance', () => {
  const vocabulary =
    `nieuwe regel volgende patiënt wis dat maak ongedaan stop dictaat element 26 MOD, composiet. en ja de komt
    lees voor haal weg een samenvatting undo new line - … next`.split(/\s+/);

  it('keeps its words in order, and none of them twice', () => {
    const random = randomFrom(17);
    for (let round = 0; round < 2_000; round += 1) {
      const length = 1 + Math.floor(random() * 12);
      const said = Array.from({ length }, () => vocabulary[Math.floor(random() * vocabulary.length)]).join(' ');
      let from = 0;
      for (const piece of splitCommands(said)) {
        if (piece.kind === 'command') continue;
        const at = said.indexOf(piece.text, from);
        expect(at, said).toBeGreaterThanOrEqual(0);
        from = at + piece.text.length;
        expect(piece.text, said).toBe(piece.text.trim());
      }
    }
  });
});
