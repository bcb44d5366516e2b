import { below100At, digitAt, isNumberAt } from './en-numbers.ts';
import type { Expression } from './expression.ts';
import { isInsideNumber, isJoinedBy, type Tokens } from './tokens.ts';

/** Words that a time of day follows. */
const timeLeads = new Set(['at', 'until', 'till', 'by', 'before', 'after', 'around', 'about', 'since']);

/** Words that may follow a time; what a number counts is none of them. */
const followers = new Set(
  `on in at and or but for we i you he she they it the a to until till today tonight tomorrow sharp every this next
   monday tuesday wednesday thursday friday saturday sunday with please if when because so then is was`.split(/\s+/),
);

interface Found {
  value: number;
  to: number;
}

/** A time with the index of the token behind it; without a minute the hour alone (`three pm`). */
interface FoundTime {
  hour: number;
  minute?: number;
  to: number;
}

/**
 * A time of day: `half past three` is `3:30`, `three thirty pm` `3:30 pm`, `three o'clock` `3:00`, `at nine fifteen`
 * `at 9:15`. Two numbers in a row are no time unless such a word says so.
 */
export function timeAt(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index)) return undefined;
  const found =
    pastAt(tokens, index) ?? toAt(tokens, index) ?? clockAt(tokens, index) ?? hourAndMinuteAt(tokens, index);
  if (!found) return undefined;
  const { hour, minute, to } = found;
  const text = minute === undefined ? String(hour) : `${hour}:${String(minute).padStart(2, '0')}`;
  const meridiem = meridiemAt(tokens, to);
  return meridiem?.text
    ? { output: `${text} ${meridiem.text}`, to: meridiem.to, rule: 'time' }
    : { output: text, to, rule: 'time' };
}

/** `half past three`, `a quarter past three`, `ten past three`. */
function pastAt(tokens: Tokens, index: number): FoundTime | undefined {
  const isHalf = tokens.at(index)?.key === 'half';
  const minute = isHalf ? { value: 30, to: index + 1 } : minutesAt(tokens, index);
  const hour = minute && tokens.at(minute.to)?.key === 'past' ? hourAt(tokens, minute.to + 1) : undefined;
  return hour && minute && { hour: hour.value, minute: minute.value, to: hour.to };
}

/** `at a quarter to four`, `at ten to four`, `ten to four pm`; elsewhere such words are a range. */
function toAt(tokens: Tokens, index: number): FoundTime | undefined {
  const minute = minutesAt(tokens, index);
  const hour = minute && tokens.at(minute.to)?.key === 'to' ? hourAt(tokens, minute.to + 1) : undefined;
  if (!hour || !minute) return undefined;
  const lead = index > 0 ? (tokens.at(index - 1)?.key ?? '') : '';
  const isQuarter = tokens.at(minute.to - 1)?.key === 'quarter';
  const isLed = isQuarter ? timeLeads.has(lead) : lead === 'at';
  if (!meridiemAt(tokens, hour.to) && !(isLed && endsTime(tokens, hour.to))) return undefined;
  return { hour: hour.value === 1 ? 12 : hour.value - 1, minute: 60 - minute.value, to: hour.to };
}

/** `three o'clock`. */
function clockAt(tokens: Tokens, index: number): FoundTime | undefined {
  const hour = hourAt(tokens, index);
  const isClock = hour && /^o['’]clock$/.test(tokens.at(hour.to)?.key ?? '');
  return isClock ? { hour: hour.value, minute: 0, to: hour.to + 1 } : undefined;
}

/** `three thirty pm`, `three pm`, `at fifteen thirty`. */
function hourAndMinuteAt(tokens: Tokens, index: number): FoundTime | undefined {
  if (index > 0 && (isNumberAt(tokens, index - 1) || isJoinedBy(tokens, index - 1, '-'))) return undefined;
  const hour = below100At(tokens, index);
  if (!hour || hour.value > 23) return undefined;
  const minute = spokenMinuteAt(tokens, hour.to);
  if (hour.value >= 1 && hour.value <= 12 && meridiemAt(tokens, minute?.to ?? hour.to)) {
    if (minute) return { hour: hour.value, minute: minute.value, to: minute.to };
    return hour.words > 0 ? { hour: hour.value, to: hour.to } : undefined;
  }
  const isAt = index > 0 && tokens.at(index - 1)?.key === 'at' && hour.words > 0;
  return isAt && minute && endsTime(tokens, minute.to)
    ? { hour: hour.value, minute: minute.value, to: minute.to }
    : undefined;
}

/** Minutes before or after an hour: `quarter`, `a quarter`, `ten`, `twenty five minutes`. */
function minutesAt(tokens: Tokens, index: number): Found | undefined {
  const quarter = tokens.at(index)?.key === 'a' ? index + 1 : index;
  if (tokens.at(quarter)?.key === 'quarter') return { value: 15, to: quarter + 1 };
  const minutes = below100At(tokens, index);
  if (!minutes || minutes.words === 0 || minutes.value < 1 || minutes.value > 29) return undefined;
  return { value: minutes.value, to: tokens.at(minutes.to)?.key === 'minutes' ? minutes.to + 1 : minutes.to };
}

/** Minutes behind an hour: `thirty`, `oh five`, `30`. */
function spokenMinuteAt(tokens: Tokens, index: number): Found | undefined {
  if (tokens.at(index)?.key === 'oh') {
    const digit = digitAt(tokens, index + 1);
    return digit ? { value: digit, to: index + 2 } : undefined;
  }
  const minute = tokens.at(index)?.spaced ? below100At(tokens, index) : undefined;
  return minute && minute.value >= 10 && minute.value <= 59 ? minute : undefined;
}

/** An hour of the clock's face, 1 to 12, that is no part of a greater number. */
function hourAt(tokens: Tokens, index: number): Found | undefined {
  const hour = below100At(tokens, index);
  if (!hour || hour.value < 1 || hour.value > 12) return undefined;
  return isNumberAt(tokens, hour.to) || isJoinedBy(tokens, hour.to, '-.,:') ? undefined : hour;
}

/** `pm`, `p m` or `p.m.` behind a time; the last stays as it is written, so that it has no text. */
function meridiemAt(tokens: Tokens, index: number): { text: string; to: number } | undefined {
  const key = tokens.at(index)?.key;
  if (key === 'pm') return { text: 'pm', to: index + 1 };
  // `which of the three am I`
  if (key === 'am') return tokens.at(index + 1)?.key === 'i' ? undefined : { text: 'am', to: index + 1 };
  if (key !== 'a' && key !== 'p') return undefined;
  if (isJoinedBy(tokens, index + 1, '.') && tokens.at(index + 2)?.key === 'm') return { text: '', to: index + 3 };
  const isApart = tokens.at(index + 1)?.key === 'm' && tokens.at(index + 1)?.spaced;
  return isApart ? { text: `${key}m`, to: index + 2 } : undefined;
}

/** Whether what stands behind a time lets it end there. */
function endsTime(tokens: Tokens, index: number): boolean {
  const token = tokens.at(index);
  if (token === undefined || followers.has(token.key)) return true;
  return /^[,.;:!?)\]"”…]$/.test(token.text);
}
