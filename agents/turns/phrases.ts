import type { languages } from '../../domain/profile.ts';

type Language = (typeof languages)[number];

/** What an agent says of its own accord, without a model, in each language it speaks. */
export const phrases = {
  greeting: {
    en: (name: string | null) =>
      name ? `Welcome back, ${name}. What can I do for you?` : 'Hello, this is Parley. What can I do for you?',
    nl: (name: string | null) =>
      name ? `Welkom terug, ${name}. Wat kan ik voor u doen?` : 'Hallo, dit is Parley. Wat kan ik voor u doen?',
  },
  anythingElse: {
    en: 'What else can I do for you?',
    nl: 'Wat kan ik nog voor u doen?',
  },
  dictationReady: {
    en: 'Dictation is on. Go ahead.',
    nl: 'Het dictaat loopt. Zegt u het maar.',
  },
  dictationStopped: {
    en: 'Dictation has stopped.',
    nl: 'Het dictaat is gestopt.',
  },
  nextPatient: {
    en: 'Next patient.',
    nl: 'Volgende patiënt.',
  },
  nothingNoted: {
    en: 'There is nothing in the note yet.',
    nl: 'Er staat nog niets in het verslag.',
  },
  noNote: {
    en: "I'm sorry, I can't get at the note right now.",
    nl: 'Het spijt me, ik kan nu even niet bij het verslag.',
  },
  notSaved: {
    en: "I can't save what you dictate right now. I keep trying; please check the note later.",
    nl: 'Ik kan uw dictaat nu niet opslaan. Ik blijf het proberen; kijkt u het verslag straks na.',
  },
  summaryReady: {
    en: 'A draft of the summary is ready for you to check.',
    nl: 'Er staat een concept van de samenvatting voor u klaar om na te kijken.',
  },
  noSummary: {
    en: "I'm sorry, I can't draft a summary right now.",
    nl: 'Het spijt me, ik kan nu geen samenvatting maken.',
  },
  backAgain: {
    en: 'Sorry, I was gone for a moment.',
    nl: 'Excuus, ik was er even niet.',
  },
  reminder: {
    en: (text: string) => `You wanted to be reminded of this: ${text}`,
    nl: (text: string) => `U wilde hieraan herinnerd worden: ${text}`,
  },
  filler: {
    en: 'One moment, please.',
    nl: 'Een ogenblikje.',
  },
  stillThere: {
    en: 'Are you still there?',
    nl: 'Bent u er nog?',
  },
  goodbye: {
    en: 'We have talked for as long as a call may last. Goodbye, and until next time.',
    nl: 'We hebben gepraat zolang een gesprek kan duren. Tot ziens, en tot de volgende keer.',
  },
  endsSoon: {
    en: 'Just so you know: this call ends in a minute.',
    nl: 'Even ter informatie: dit gesprek eindigt over een minuut.',
  },
  noAnswer: {
    en: "I'm sorry, I can't think of an answer right now. Please say that again in a moment.",
    nl: 'Het spijt me, ik kan nu even niet antwoorden. Zegt u het zo nog een keer?',
  },
  noVoice: {
    en: "I can't speak right now. My answers are in writing.",
    nl: 'Ik kan nu even niet spreken. Mijn antwoorden staan op uw scherm.',
  },
  notHeard: {
    en: "I'm sorry, I can't make out what you say right now. You can also type to me.",
    nl: 'Het spijt me, ik kan u nu even niet verstaan. U kunt mij ook een bericht typen.',
  },
  tooLong: {
    en: 'That message is too long for me. Please send it in smaller parts.',
    nl: 'Dat bericht is te lang voor mij. Stuurt u het in kleinere stukken?',
  },
} satisfies Record<string, Record<Language, unknown>>;

/** The lines without anything about a person, worth keeping as recordings. */
export const fixedLines: readonly string[] = [
  ...(['backAgain', 'filler', 'noAnswer', 'noVoice', 'notHeard', 'stillThere', 'endsSoon', 'goodbye'] as const).flatMap(
    (name) => Object.values(phrases[name]),
  ),
  phrases.greeting.en(null),
  phrases.greeting.nl(null),
];

/** Those that have to be there when a vendor is not. */
export function urgentLines(language: Language): string[] {
  return (['filler', 'noAnswer', 'noVoice', 'notHeard'] as const).map((name) => phrases[name][language]);
}
