import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { reminders } from '../../db/schema/reminders.ts';
import { localTimeOf } from '../../domain/local-time.ts';
import {
  cancelReminder,
  createReminder,
  getReminder,
  listReminders,
  noteToldReminder,
} from '../../services/reminders.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { reminderOf } from './people.ts';
import { reminderFor } from './reminder-samples.ts';

const hourMs = 3_600_000;

describeOnBothDatabases('reminders', (world) => {
  const stored = async (id: string) => (await world().admin.select().from(reminders).where(eq(reminders.id, id)))[0];
  const reminder = (fields: object = {}) => reminderFor(world().clock.now(), fields);
  const newContext = async () => world().context(await world().newUser());
  /** A reminder that is due, and the agent of its person's call. */
  const newDue = async (fields: object = {}) => {
    const user = await world().newUser();
    const made = await createReminder(world().context(user), reminder(fields));
    const agent = await world().claim(user, await world().newSession(user));
    world().clock.advance(2 * hourMs);
    return { user: world().context(user), agent: world().context(agent), ...made.reminder };
  };

  it('are made, shown, sealed where they are stored, and cancelled', async () => {
    const context = await newContext();
    const wanted = reminder({ text: 'Call aunt Griselda' });
    const { reminder: made, created } = await createReminder(context, wanted);
    expect(created).toBe(true);
    expect(made).toEqual({
      ...wanted,
      dueAt: new Date(`${wanted.at}Z`).toISOString(),
      createdAt: world().clock.now().toISOString(),
      deliveredAt: null,
      deliveredBy: null,
      missed: false,
    });
    expect(await getReminder(context, { reminderId: wanted.id })).toEqual(made);
    expect(JSON.stringify(await stored(wanted.id))).not.toMatch(/Griselda/);
    await cancelReminder(context, { reminderId: wanted.id });
    expect(await stored(wanted.id)).toBeUndefined();
    const gone = { code: 'not_found' };
    await expect(cancelReminder(context, { reminderId: wanted.id })).rejects.toMatchObject(gone);
    await expect(getReminder(context, { reminderId: wanted.id })).rejects.toMatchObject(gone);
  });

  it('are made once under an id, also by many at once and when their time is past by then', async () => {
    const context = await newContext();
    const wanted = reminder();
    const made = await Promise.all([1, 2, 3].map(() => createReminder(context, wanted)));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    world().clock.advance(2 * hourMs);
    expect(await createReminder(context, wanted)).toEqual({ reminder: made[0]?.reminder, created: false });
    await expect(createReminder(await newContext(), { ...reminder(), id: wanted.id })).rejects.toMatchObject({
      code: 'conflict',
      message: 'The reminder id is taken: choose a new random one',
    });
  });

  it('are refused by name: a zone there is not, a moment that is past, one too many, for nobody', async () => {
    const context = await newContext();
    const refusalOf = (fields: object) => createReminder(context, reminder(fields)).catch((error: unknown) => error);
    const fault = (field: string) => ({ code: 'invalid_input', faults: [{ field }] });
    expect(await refusalOf({ timeZone: 'Europe/Nowhere' })).toMatchObject(fault('timeZone'));
    expect(await refusalOf({ at: '2020-01-01T09:00' })).toMatchObject(fault('at'));
    const others = Array.from({ length: sizes.reminders - 1 }, () => reminderOf(context.actor, world()));
    await world().admin.insert(reminders).values(others);
    await createReminder(context, reminder());
    expect(await refusalOf({})).toMatchObject({ code: 'conflict', message: expect.stringContaining('cancel one') });
    world().clock.advance(2 * hourMs);
    const nobody = { ...context, actor: { ...context.actor, userId: newId() } };
    await expect(createReminder(nobody, reminder())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that come again may begin in the past, and come next by the clock of their zone', async () => {
    const context = await newContext();
    const weekly = { at: '2020-06-01T09:00', timeZone: 'Europe/Amsterdam', repeat: 'weekly' };
    const made = await createReminder(context, reminder(weekly));
    const dueAt = new Date(made.reminder.dueAt ?? 0);
    expect(dueAt.getTime() - world().clock.now().getTime()).toBeLessThanOrEqual(7 * 24 * hourMs);
    expect(dueAt > world().clock.now()).toBe(true);
    expect(localTimeOf(dueAt, 'Europe/Amsterdam')).toMatch(/T09:00$/);
    expect(dueAt.getUTCDay()).toBe(1);
  });

  it('are listed by pages, the newest first, all or some of them', async () => {
    const context = await newContext();
    const ids: string[] = [];
    for (const hours of [1, 3, 5]) {
      const at = localTimeOf(new Date(world().clock.now().getTime() + hours * hourMs), 'Etc/UTC');
      ids.unshift((await createReminder(context, reminder({ at }))).reminder.id);
      world().clock.advance(1);
    }
    const idsOf = async (input: Parameters<typeof listReminders>[1]) =>
      (await listReminders(context, input)).items.map(({ id }) => id);
    const first = await listReminders(context, { limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(await idsOf({ after: first.next ?? undefined })).toEqual(ids.slice(2));
    world().clock.advance(4 * hourMs);
    await world()
      .admin.update(reminders)
      .set({ dueAt: null })
      .where(eq(reminders.id, ids[2] as string));
    expect(await idsOf({ only: 'pending' })).toEqual(ids.slice(0, 2));
    expect(await idsOf({ only: 'due' })).toEqual(ids.slice(1, 2));
    expect(await idsOf({ only: 'over' })).toEqual(ids.slice(2));
    const other = await newContext();
    expect((await listReminders(other, {})).items).toEqual([]);
    await expect(getReminder(other, { reminderId: ids[0] as string })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that an agent has told are done, once', async () => {
    const { agent, user, id: reminderId, dueAt } = await newDue();
    const told = { reminderId, dueAt: new Date(dueAt ?? 0) };
    const noted = await noteToldReminder(agent, told);
    const deliveredAt = world().clock.now().toISOString();
    expect(noted).toMatchObject({ dueAt: null, deliveredAt, deliveredBy: 'room', missed: false });
    world().clock.advance(1_000);
    expect(await noteToldReminder(agent, told)).toEqual(noted);
    expect(await getReminder(user, { reminderId })).toEqual(noted);
    const none = { ...told, reminderId: newId() };
    await expect(noteToldReminder(agent, none)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that come again are told for their time alone, and come next after now', async () => {
    const { agent, id: reminderId, dueAt, at } = await newDue({ repeat: 'daily' });
    const due = new Date(dueAt ?? 0);
    const another = new Date(due.getTime() - 1);
    expect(await noteToldReminder(agent, { reminderId, dueAt: another })).toMatchObject({ dueAt, deliveredAt: null });
    // The service was away for days: what was missed comes once.
    world().clock.advance(3 * 24 * hourMs);
    const { dueAt: next } = await noteToldReminder(agent, { reminderId, dueAt: due });
    expect(next).toBe(new Date(Date.parse(`${at}Z`) + 4 * 24 * hourMs).toISOString());
    const early = { reminderId, dueAt: new Date(next ?? 0) };
    expect(await noteToldReminder(agent, early)).toMatchObject({ dueAt: next });
  });
});
