import type { Mail } from '../domain/mail.ts';
import type { languages } from '../domain/profile.ts';

type Language = (typeof languages)[number];

/** What a reminder's mail is made of. */
interface ReminderMail {
  to: string;
  /** What to be reminded of. */
  text: string;
  dueAt: Date;
  timeZone: string;
  language: Language;
  /** Where a call begins; without it there is no link. */
  callBackUrl?: string;
}

const words = {
  en: {
    locale: 'en-GB',
    // Shown on locked screens: what it is about stands inside.
    subject: 'Your reminder',
    opening: (at: string) => `You wanted to be reminded of this on ${at}:`,
    callBack: 'To talk about it, call back here:',
  },
  nl: {
    locale: 'nl-NL',
    subject: 'Uw herinnering',
    opening: (at: string) => `U wilde hieraan herinnerd worden op ${at}:`,
    callBack: 'Wilt u erover praten, bel dan hier terug:',
  },
} satisfies Record<Language, unknown>;

/** The mail by which a reminder gets to a person, in their language and by the clock on their wall. */
export function reminderMail({ to, text, dueAt, timeZone, language, callBackUrl }: ReminderMail): Mail {
  const { locale, subject, opening, callBack } = words[language];
  const at = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short', timeZone }).format(dueAt);
  const link = callBackUrl === undefined ? '' : `\n${callBack}\n\n${callBackUrl}\n`;
  return { to, subject, text: `${opening(at)}\n\n${text}\n${link}` };
}
