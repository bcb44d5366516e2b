import { eq, sql } from 'drizzle-orm';
import { expect, it, vi } from 'vitest';
import { z } from 'zod';
import { newId } from '../../core/ids.ts';
import { identities } from '../../db/schema/identities.ts';
import { reminders } from '../../db/schema/reminders.ts';
import { users } from '../../db/schema/users.ts';
import type { UserActor } from '../../domain/actor.ts';
import { topics } from '../../domain/conversation.ts';
import { deliverRemindersJob } from '../../jobs/deliver-reminders.ts';
import { eraseUser } from '../../services/erasure.ts';
import { seal } from '../../services/fields.ts';
import { openMail } from '../../services/mail.ts';
import { updateProfile } from '../../services/profiles.ts';
import { deliverDueReminders } from '../../services/reminder-delivery.ts';
import { createReminderSenders, type ReminderSender } from '../../services/reminder-senders.ts';
import { createReminder, getReminder, noteToldReminder } from '../../services/reminders.ts';
import { CollectingMailer } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { reminderFor } from './reminder-samples.ts';
import { system } from './world.ts';

const hourMs = 3_600_000;
const callBackUrl = 'https://app.example.test/call';
const senders = createReminderSenders({ channels: ['room', 'email'], callBackUrl }, { hasMail: true });

describeOnBothDatabases('delivering reminders', (world) => {
  const deliver = (options: object = {}, more: object = {}) =>
    deliverDueReminders({ ...world().context(system), ...more }, { senders, acknowledgementMs: 0, ...options });

  const addAddress = async (user: UserActor, { verified = true } = {}) => {
    const id = newId();
    const address = `${id}@example.test`;
    const createdAt = world().clock.now();
    await world()
      .admin.insert(identities)
      .values({
        id,
        tenantId: user.tenantId,
        userId: user.userId,
        provider: 'email',
        subject: seal(world().services, identities.subject, id, address),
        subjectIndex: world().cipher.index('email', address),
        createdAt,
        verifiedAt: verified ? createdAt : null,
      });
    return address;
  };

  /** Somebody with a reminder that is due, and an address unless told otherwise. */
  const newDue = async ({ fields = {}, hasAddress = true }: { fields?: object; hasAddress?: boolean } = {}) => {
    const user = await world().newUser();
    const address = hasAddress ? await addAddress(user) : '';
    const { reminder } = await createReminder(world().context(user), reminderFor(world().clock.now(), fields));
    world().clock.advance(2 * hourMs);
    const read = () => getReminder(world().context(user), { reminderId: reminder.id });
    return { user, address, reminder, reminderId: reminder.id, read };
  };

  /** What is queued for an address: transactions that were rolled back left nothing. */
  const mailTo = async (address: string) => {
    const query = sql`select data from pgboss.job where name = 'send-mail'`;
    const data = z.object({ id: z.string(), sealed: z.string() });
    const { rows } = z.object({ rows: z.array(z.object({ data })) }).parse(await world().admin.execute(query));
    return rows.map((row) => openMail(world().services, row.data)).filter(({ to }) => to === address);
  };

  it('sends mail in the language of its person, with a link to call back', async () => {
    const { user, address, read, reminder } = await newDue({ fields: { text: 'Water the orchids' } });
    await updateProfile(world().context(user), { changes: { language: 'nl' } });
    expect(await deliver()).toEqual({ email: 1 });
    const [mail, ...others] = await mailTo(address);
    expect(others).toEqual([]);
    expect(mail?.subject).toBe('Uw herinnering');
    const clock = reminder.at.slice(-5);
    expect(mail?.text).toMatch(
      new RegExp(`^U wilde hieraan .* ${clock}:\n\nWater the orchids\n\n.*\n\n${callBackUrl}\n$`),
    );
    const deliveredAt = world().clock.now().toISOString();
    expect(await read()).toMatchObject({ dueAt: null, deliveredAt, deliveredBy: 'email', missed: false });
    expect(await deliver()).toEqual({});
    expect(await mailTo(address)).toHaveLength(1);
  });

  it('has no link where none is configured, and English for who has no language', async () => {
    const { address } = await newDue({ fields: { timeZone: 'Etc/UTC' } });
    await deliver({ senders: createReminderSenders({ channels: ['email'] }, { hasMail: true }) });
    expect(await mailTo(address)).toMatchObject([
      { subject: 'Your reminder', text: expect.stringMatching(/^You wanted .* on .*:\n\ncall back\n$/) },
    ]);
  });

  it('is missed where no way leads: no proved address, no mail server, a disabled user, a key that is gone', async () => {
    const unproved = await newDue({ hasAddress: false });
    await addAddress(unproved.user, { verified: false });
    const disabled = await newDue();
    await world()
      .admin.update(users)
      .set({ disabledAt: world().clock.now() })
      .where(eq(users.id, disabled.user.userId));
    const illegible = await newDue();
    await world()
      .admin.update(reminders)
      .set({ text: world().cipher.seal('reminders.text:another', 'a') })
      .where(eq(reminders.id, illegible.reminderId));
    const unknown = await newDue();
    await world()
      .admin.update(identities)
      .set({ subject: world().cipher.seal('identities.subject:another', 'a') })
      .where(eq(identities.userId, unknown.user.userId));
    expect(await deliver({ rowsPerBatch: 1 })).toEqual({ missed: 4 });
    for (const { read, address } of [unproved, disabled, unknown]) {
      expect(await read()).toMatchObject({ dueAt: null, deliveredBy: null, missed: true });
      expect(await mailTo(address)).toEqual([]);
    }
    const { read } = await newDue();
    await deliver({ senders: createReminderSenders({ channels: ['room', 'email'] }, { hasMail: false }) });
    expect(await read()).toMatchObject({ missed: true });
  });

  it('leaves what is not due, and has what comes again come next once, however often it was missed', async () => {
    const { address, read, reminder } = await newDue({ fields: { repeat: 'daily' } });
    const later = await createReminder(world().context(await world().newUser()), reminderFor(world().clock.now()));
    world().clock.advance(5 * 24 * hourMs - 3 * hourMs);
    await world().admin.update(reminders).set({ dueAt: null }).where(eq(reminders.id, later.reminder.id));
    expect(await deliver()).toEqual({ email: 1 });
    expect(await deliver()).toEqual({});
    expect(await mailTo(address)).toHaveLength(1);
    const next = new Date(Date.parse(`${reminder.at}Z`) + 5 * 24 * hourMs).toISOString();
    expect(await read()).toMatchObject({ dueAt: next, deliveredBy: 'email' });
    world().clock.advance(24 * hourMs);
    expect(await deliver()).toEqual({ email: 1 });
    expect(await mailTo(address)).toHaveLength(2);
  });

  it('keeps the clock on the wall when clocks change', async () => {
    const user = await world().newUser();
    const wanted = { timeZone: 'America/New_York', repeat: 'daily', at: '2026-01-01T08:00' };
    const { reminder } = await createReminder(world().context(user), reminderFor(world().clock.now(), wanted));
    const clock = () => new Date('2027-03-13T20:00Z');
    await deliver({}, { clock: () => new Date('2027-03-13T12:59Z') });
    await deliver({}, { clock });
    const { dueAt } = await getReminder(world().context(user), { reminderId: reminder.id });
    expect(dueAt).toBe('2027-03-14T12:00:00.000Z');
  });

  it('is done once by several at the same time', async () => {
    const due = [];
    for (let count = 0; count < 12; count += 1) due.push(await newDue());
    const delivered = await Promise.all([1, 2, 3].map(() => deliver({ rowsPerBatch: 2 })));
    // Who was passed over, because somebody else had just locked them, is left for the next round.
    delivered.push(await deliver());
    expect(delivered.reduce((sum, { email = 0 }) => sum + email, 0)).toBe(12);
    for (const { address } of due) expect(await mailTo(address)).toHaveLength(1);
  });

  it('that ends before its commit leaves nothing, and is done by the next one', async () => {
    const [one, other] = [await newDue(), await newDue()];
    const [room, email] = senders as [ReminderSender, ReminderSender];
    let sent = 0;
    const ending: ReminderSender = {
      channel: 'email',
      async send(...args) {
        await email.send(...args);
        sent += 1;
        if (sent === 2) throw new RangeError('the process ends');
        return 'sent';
      },
    };
    await expect(deliver({ senders: [room, ending] })).rejects.toThrow(RangeError);
    expect([...(await mailTo(one.address)), ...(await mailTo(other.address))]).toEqual([]);
    expect(await deliver()).toEqual({ email: 2 });
    for (const { address } of [one, other]) expect(await mailTo(address)).toHaveLength(1);
  });

  it('offers it to the call the person is in, whose agent notes that it was told', async () => {
    const { user, address, reminder, reminderId, read } = await newDue();
    const session = await world().newSession(user);
    const agent = await world().claim(user, session);
    const delivering = deliver({ acknowledgementMs: undefined });
    const told = { roomName: session.roomName, topic: topics.reminder, identity: agent.jobIdentity };
    await expect.poll(() => world().rooms.told).toContainEqual(told);
    await noteToldReminder(world().context(agent), { reminderId, dueAt: new Date(reminder.dueAt ?? 0) });
    expect(await delivering).toEqual({});
    expect(await read()).toMatchObject({ dueAt: null, deliveredBy: 'room' });
    expect(await mailTo(address)).toEqual([]);
  });

  it('goes on with mail when the agent says nothing, or can not be told', async () => {
    const { user, address, read } = await newDue();
    const session = await world().newSession(user);
    await world().claim(user, session);
    const rooms = { ...world().rooms, tell: vi.fn().mockRejectedValue(new Error('LiveKit is away')) };
    expect(await deliver({}, { rooms })).toEqual({ email: 1 });
    expect(rooms.tell).toHaveBeenCalledOnce();
    expect(await mailTo(address)).toHaveLength(1);
    expect(await read()).toMatchObject({ deliveredBy: 'email' });
  });

  it('is offered again after a process was lost while it waited, and goes out once', async () => {
    const { user, address } = await newDue();
    const agent = await world().claim(user, await world().newSession(user));
    const offers = () => world().rooms.told.filter(({ identity }) => identity === agent.jobIdentity);
    const lost = deliver({ acknowledgementMs: 2_000 });
    await expect.poll(offers).toHaveLength(1);
    expect(await deliver()).toEqual({ email: 1 });
    expect(await lost).toEqual({});
    expect(offers()).toHaveLength(2);
    expect(await mailTo(address)).toHaveLength(1);
  });

  it('leaves no mail to who is erased', async () => {
    const { user, address } = await newDue();
    await deliver();
    await eraseUser(world().context(system), { userId: user.userId });
    expect(await mailTo(address)).toEqual([]);
    expect(await deliver()).toEqual({});
  });

  it('is a job that tells how many went which way, and nothing else', async () => {
    const { address } = await newDue({ fields: { text: 'Water the orchids' } });
    const info = vi.fn();
    const log = { ...world().services.log, info, error: vi.fn(), warn: vi.fn() };
    const context = { ...world().context(system), log, mailer: new CollectingMailer(), reminderSenders: senders };
    await deliverRemindersJob.handle(context as never, {});
    await deliverRemindersJob.handle(context as never, {});
    expect(info.mock.calls).toEqual([[{ delivered: { email: 1 } }, 'delivered reminders']]);
    expect(await mailTo(address)).toHaveLength(1);
  });
});
