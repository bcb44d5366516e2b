import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { phrases } from '../../agents/turns/phrases.ts';
import { systemClock } from '../../core/clock.ts';
import { createFieldCipher } from '../../core/crypto/field-cipher.ts';
import { newId } from '../../core/ids.ts';
import { createLog } from '../../core/log.ts';
import { allTenants } from '../../db/policies.ts';
import { reminderSchema } from '../../domain/reminder.ts';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { noCache } from '../../services/cache.ts';
import { createJobQueue } from '../../services/job-queue.ts';
import { createLocalPairingBus } from '../../services/pairing-bus.ts';
import { deliverDueReminders } from '../../services/reminder-delivery.ts';
import { createReminderSenders } from '../../services/reminder-senders.ts';
import { createRooms } from '../../services/rooms.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { patience } from '../support/voice-call.ts';

const system = { kind: 'system', name: 'test' } as const;

describe.skipIf(!inject('livekit'))('a reminder that is due during a call', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  /** Sets a reminder of the person of the call, and makes it due. */
  async function newDue(text: string): Promise<string> {
    const response = await fetch(`${stack.apiUrl}/api/v1/reminders`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.developmentToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: newId(), text, at: '2030-01-01T09:00', timeZone: 'Etc/UTC' }),
    });
    const { id } = reminderSchema.parse(await response.json());
    await stack.database.transaction({ role: 'service', tenantId: allTenants }, (tx) =>
      tx.execute(sql`update reminders set due_at = date_trunc('second', now()) where id = ${id}`),
    );
    return id;
  }

  const deliver = () =>
    deliverDueReminders(
      {
        database: stack.database,
        cipher: createFieldCipher(stack.encryptionKeys),
        cache: noCache,
        queue: createJobQueue(),
        pairingBus: createLocalPairingBus(),
        rooms: createRooms(stack.livekit),
        clock: systemClock,
        log: createLog('test', 'silent'),
        actor: system,
      },
      { senders: createReminderSenders({ channels: ['room'] }, { hasMail: false }) },
    );

  test.each(['text', 'voice'])(
    'is told once by the agent, who has it noted: %s',
    { timeout: 120_000 },
    async (modality) => {
      const agents = [{ agent_name: '', metadata: JSON.stringify({ modality }) }];
      const { server_url, participant_token } = await stack.token({ room_config: { agents } });
      const shown: Shown[] = [];
      const caller = new Caller({ shown: (piece) => void (piece.speaker === 'agent' && shown.push(piece)) });
      await caller.join(server_url, participant_token, { microphone: modality === 'voice' });
      onTestFinished(() => caller.leave());
      await caller.waitForAgent(patience.timeout);
      const answers = () => shown.map(({ text }) => text.trim());
      await expect.poll(() => answers().at(-1), patience).toContain('What can I do for you?');

      const text = `feed the goldfish before the ${modality} lesson`;
      const id = await newDue(text);
      // Two processes at once, as where jobs run twice.
      expect(await Promise.all([deliver(), deliver()])).toEqual([{}, {}]);
      const line = phrases.reminder.en(text);
      await expect.poll(() => answers().filter((answer) => answer === line), patience).toHaveLength(1);
      const after = reminderSchema.parse(await stack.get(`/api/v1/reminders/${id}`));
      expect(after).toMatchObject({ dueAt: null, deliveredBy: 'room', missed: false });
      expect(await deliver()).toEqual({});
    },
  );
});
