/** What a person who dictates can tell the agent to do. */
export type DictationCommand =
  | 'new-line'
  | 'new-paragraph'
  | 'next-patient'
  | 'undo'
  | 'delete-last'
  | 'read-back'
  | 'draft-summary'
  | 'stop';

/**
 * Where a phrase is a command. `anywhere`: also between dictated words. `edge`: at the beginning or the end of a clause.
 * `end`: at the end of a clause, since words behind it would belong to it (`verwijder dat kroontje`). `clause`: as a clause
 * of its own. `utterance`: as all that was said.
 */
export type CommandPlace = 'anywhere' | 'edge' | 'end' | 'clause' | 'utterance';

/** A command as it is said: its words, folded. */
export interface CommandPhrase {
  words: readonly string[];
  command: DictationCommand;
  place: CommandPlace;
}

const said: readonly (readonly [DictationCommand, CommandPlace, string])[] = [
  ['new-line', 'anywhere', 'nieuwe regel|new line|newline'],
  ['new-paragraph', 'anywhere', 'nieuwe alinea|nieuwe paragraaf|new paragraph'],
  ['next-patient', 'edge', 'volgende patient|next patient'],
  ['undo', 'edge', 'maak ongedaan|maak dat ongedaan|maak dit ongedaan|ongedaan maken|dat ongedaan maken'],
  ['undo', 'end', 'undo that|undo this|undo it|undo the last one'],
  ['undo', 'utterance', 'ongedaan|undo'],
  ['delete-last', 'end', 'verwijder dat|verwijder dit|wis dat|wis dit|schrap dat|haal dat weg|haal dat even weg'],
  ['delete-last', 'end', 'gooi dat weg|verwijder het laatste|wis het laatste|dat verwijderen|dat wissen|dat weghalen'],
  ['delete-last', 'end', 'delete that|delete this|erase that|scratch that|remove that|delete the last one'],
  ['read-back', 'clause', 'lees voor|lees maar voor|lees even voor'],
  ['read-back', 'end', 'lees terug|lees even terug|lees dat voor|lees dit voor|lees het voor|lees dat even voor'],
  ['read-back', 'end', 'lees dat terug|lees het terug|lees dat even terug|lees nog eens voor|read back|read that back'],
  ['read-back', 'end', 'read it back|read this back|read that back to me|read it back to me|read that to me'],
  ['draft-summary', 'edge', 'maak een samenvatting|maak een concept samenvatting|maak een conceptsamenvatting'],
  ['draft-summary', 'edge', 'maak een samenvatting van dit consult|maak een samenvatting van het dictaat'],
  ['draft-summary', 'edge', 'maak samenvatting|vat dat samen|vat dit samen|vat het samen'],
  ['draft-summary', 'edge', 'draft a summary|make a summary|write a summary|summarize this|summarise this'],
  ['stop', 'edge', 'stop dictaat|stop het dictaat|stop dicteren|stop met dicteren|dictaat stoppen|einde dictaat'],
  ['stop', 'edge', 'dicteren stoppen|stop dictation|stop the dictation|stop dictating|end dictation|end of dictation'],
  ['stop', 'utterance', 'stop|stoppen'],
];

/** Every phrase, the longest first: of two that begin at the same word the longer one is meant. */
export const commandPhrases: readonly CommandPhrase[] = said
  .flatMap(([command, place, phrases]) =>
    phrases.split('|').map((phrase) => ({ words: phrase.split(' '), command, place })),
  )
  .sort((one, other) => other.words.length - one.words.length);

const words = (list: string): ReadonlySet<string> => new Set(list.split(/\s+/));

/** Said around a command: `ja, volgende patiënt alsjeblieft`. */
export const fillers = words(`ja nee oke ok okay nou nu dan en even graag alsjeblieft alstublieft bedankt uh uhm eh ehm
  yes no so then now and please thanks um`);

/** Fillers that may be all there is to note. */
export const answers = words('ja nee yes no');

/** Right before a phrase they make it part of a sentence: `op een nieuwe regel`, `voor de volgende patiënt`. */
export const leadingIn =
  words(`de het een deze die dit dat geen elke iedere mijn onze zijn haar hun eerste laatste andere
  voor van met bij naar aan op in over volgens tegen zonder tot als of is was wordt werd zou zal kan moet wil mag te om
  the a an this that these those no each every my our your his her their another first last
  for from with to at on in about by without until as or is was be been will would can could should must may not`);

/** Right behind a phrase at the beginning of a clause they make it part of a sentence: `volgende patiënt komt om drie uur`. */
export const goingOn =
  words(`is was zijn waren wordt worden werd komt kwam komen heeft had hebben wil wilde willen moet moest
  moeten kan kon kunnen mag mocht mogen zal zou zullen gaat ging gaan belt belde zegt zei vraagt vroeg krijgt kreeg staat zit
  wacht ligt doet deed blijft bleef heet
  om op over voor van met bij naar aan in uit tot tegen niet nooit ook pas wel dat die of
  was has had comes came will would wants wanted can could should must may might goes went gets got says said asks asked
  needs needed waits for of with from to at on about by in until not never also that which who`);

/** Right behind what may stand anywhere they make it part of a sentence: `nieuwe regel van de verzekeraar`. */
export const belonging = words('van voor is was wordt geldt dat die of that which');

/** Anywhere before a phrase at the end of a clause they make it part of a sentence: `dat kunnen we niet ongedaan maken`. */
export const governing =
  words(`kan kun kunnen kon konden wil willen wilde wilden moet moeten moest moesten mag mogen mocht
  zal zullen zou zouden laat laten niet nooit gaan ging geen om wie wanneer hoe waarom
  can can't cannot could will won't would should must may might let lets never not don't didn't did does you who when how why`);
