import { call, parseResult, type Reply, type Situation, say } from './anthropic-situation.ts';

/** Somebody wants to be reminded: of what, whether tomorrow, when, and in which zone if they say so. */
const wish = /^(?:please )?remind me to (.+?)( tomorrow)? at (\d\d:\d\d)(?: in ([A-Z]\w+\/\w+))?\.?$/i;

const dayMs = 86_400_000;

/** Asks for the time before it sets a reminder, and looks up reminders that somebody asks about. */
export function useReminders({ speech, tools }: Situation): Reply | undefined {
  const [, , , , zone = null] = wish.exec(speech) ?? [];
  if (wish.test(speech) && tools.has('get_time')) return call('get_time', { time_zone: zone });
  const isAbout = /what are my reminders|cancel my reminder/i.test(speech);
  return isAbout && tools.has('list_reminders') ? call('list_reminders') : undefined;
}

/** Goes on once a tool has answered: sets the reminder, cancels it, or says what came of it. */
export function tellReminders({ results, wanted }: Situation): Reply | undefined {
  const names = ['get_time', 'set_reminder', 'list_reminders', 'cancel_reminder'];
  const result = results.find(({ name }) => names.includes(name));
  if (!result) return undefined;
  if (result.isError) return say(`I am sorry, that did not work: ${result.content}`);
  const answer = parseResult(result.content) ?? {};
  if (result.name === 'get_time') return setReminder(wanted, String(answer.local_time), String(answer.time_zone));
  if (result.name === 'cancel_reminder') return say('I have cancelled it.');
  if (result.name === 'set_reminder') return say(`I will remind you to ${answer.text} at ${clockOf(answer)}.`);
  const reminders = (answer.reminders ?? []) as Record<string, unknown>[];
  const [first] = reminders;
  if (!first) return say('There are no reminders.');
  if (/cancel/i.test(wanted)) return call('cancel_reminder', { id: first.id });
  return say(`I will remind you ${reminders.map((each) => `to ${each.text} at ${clockOf(each)}`).join(', and ')}.`);
}

function setReminder(wanted: string, now: string, zone: string): Reply {
  const [, text, tomorrow, clock = ''] = wish.exec(wanted) ?? [];
  if (!text) return say(`It is ${now.slice(-5)}.`);
  const isNextDay = tomorrow !== undefined || clock <= now.slice(-5);
  const day = new Date(Date.parse(`${now}Z`) + (isNextDay ? dayMs : 0)).toISOString().slice(0, 10);
  return call('set_reminder', { text, local_time: `${day}T${clock}`, repeat: null, time_zone: zone });
}

function clockOf({ next }: Record<string, unknown>): string {
  const { local_time: localTime } = (next ?? {}) as Record<string, unknown>;
  return String(localTime).slice(-5);
}
