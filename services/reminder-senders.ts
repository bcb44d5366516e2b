import { and, asc, desc, eq, gt, isNotNull, isNull } from 'drizzle-orm';
import type { RemindersConfig, reminderChannelNames } from '../core/config/reminders.ts';
import type { Sealed } from '../core/crypto/field-cipher.ts';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { leases } from '../db/schema/leases.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import { topics } from '../domain/conversation.ts';
import type { ReminderChannel } from '../domain/reminder.ts';
import { afterCommit } from './after-commit.ts';
import type { CoreContext, Services } from './context.ts';
import { open } from './fields.ts';
import { queueMail } from './mail.ts';
import { reminderMail } from './reminder-mail.ts';

/** A reminder whose time is there, with its text opened. */
export interface DueReminder {
  userId: string;
  text: string;
  dueAt: Date;
  timeZone: string;
}

/** What senders work with, as the service itself. */
export type SenderContext = CoreContext & Pick<Services, 'rooms'>;

/**
 * What came of a try: it is `sent` once the transaction is committed; somebody was `offered` it who has to say that they have
 * passed it on; or the person is `unreachable` this way, and the next one is tried.
 */
export type SendOutcome = 'sent' | 'offered' | 'unreachable';

/** A way to a person. What leaves this machine leaves by a job that is queued in the transaction, or after its commit. */
export interface ReminderSender {
  /** Kept with what it has sent. */
  channel: ReminderChannel;
  send(context: SenderContext, tx: Transaction, reminder: DueReminder): Promise<SendOutcome>;
}

/** The senders that are configured, in their order. Without a mail server (`hasMail`) there is none by mail. */
export function createReminderSenders(
  { channels, callBackUrl }: RemindersConfig,
  { hasMail }: { hasMail: boolean },
): ReminderSender[] {
  const makers: Record<(typeof reminderChannelNames)[number], () => ReminderSender[]> = {
    room: () => [roomSender],
    email: () => (hasMail ? [emailSender(callBackUrl)] : []),
  };
  return channels.flatMap((channel) => makers[channel]());
}

/**
 * Tells the agent of the call that the person is in. The packet is empty: the agent reads what is due with its own rights, says it
 * when nobody is speaking, and then has it noted (`noteToldReminder`).
 */
const roomSender: ReminderSender = {
  channel: 'room',
  async send({ rooms, clock, log }, tx, { userId }) {
    const [call] = await tx
      .select({ roomName: sessions.roomName, agentIdentity: leases.holder })
      .from(leases)
      .innerJoin(sessions, eq(sessions.id, leases.sessionId))
      .where(and(eq(sessions.userId, userId), isNull(sessions.endedAt), gt(leases.expiresAt, clock())))
      .orderBy(desc(leases.expiresAt))
      .limit(1);
    if (!call) return 'unreachable';
    afterCommit(tx, () => {
      rooms
        .tell(call.roomName, topics.reminder, call.agentIdentity)
        .catch(() => log.warn('a call could not be told of a reminder: it goes out by other means'));
    });
    return 'offered';
  },
};

/** Queues mail to an address that the person has proved to be theirs: anybody may write down one that isn't. */
function emailSender(callBackUrl: string | undefined): ReminderSender {
  return {
    channel: 'email',
    async send(context, tx, { userId, ...reminder }) {
      const isProved = and(
        eq(identities.userId, userId),
        eq(identities.provider, 'email'),
        isNotNull(identities.verifiedAt),
      );
      const [address] = await tx
        .select({ id: identities.id, subject: identities.subject, language: profiles.language })
        .from(identities)
        .leftJoin(profiles, eq(profiles.userId, identities.userId))
        .where(isProved)
        .orderBy(asc(identities.createdAt), asc(identities.id))
        .limit(1);
      if (!address) return 'unreachable';
      const to = openAddress(context, address);
      if (to === null) return 'unreachable';
      await queueMail(context, tx, reminderMail({ ...reminder, to, language: address.language ?? 'en', callBackUrl }));
      return 'sent';
    },
  };
}

/** Null for one that can't be opened: it must not keep the reminders of others from being delivered. */
function openAddress(context: SenderContext, { id, subject }: { id: string; subject: Sealed }): string | null {
  try {
    return open(context, identities.subject, id, subject);
  } catch {
    context.log.error({ identityId: id }, 'the address for a reminder can not be opened');
    return null;
  }
}
