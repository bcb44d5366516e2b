import { newId } from '../../core/ids.ts';
import { identities } from '../../db/schema/identities.ts';
import type { UserActor } from '../../domain/actor.ts';
import { noteChangeSchema } from '../../domain/note.ts';
import { recordConsent } from '../../services/consents.ts';
import type { Context, Services } from '../../services/context.ts';
import { addDevice } from '../../services/devices.ts';
import { requestExport, writeExport } from '../../services/exports.ts';
import { keepFact, proposeFact } from '../../services/facts.ts';
import { seal } from '../../services/fields.ts';
import { addLexiconEntry } from '../../services/lexicons.ts';
import { changeNote } from '../../services/notes.ts';
import { saveOnboardingStep } from '../../services/onboarding.ts';
import { createPairing } from '../../services/pairings.ts';
import { setPassword } from '../../services/passwords.ts';
import { updatePreferences } from '../../services/preferences.ts';
import { createReminder } from '../../services/reminders.ts';
import { updateSession } from '../../services/session-records.ts';
import { issueToken } from '../../services/tokens.ts';
import { appendTurn } from '../../services/turns.ts';
import { accountContext, newLink, signInByLink, userOf } from './account-world.ts';
import { insertSummary } from './memory-samples.ts';
import { reminderFor } from './reminder-samples.ts';
import { system, type World } from './world.ts';

/** What is known of somebody and must be nowhere in plain text: no word of it occurs anywhere else. */
export interface Secrets {
  name: string;
  goal: string;
  email: string;
  phone: string;
  device: string;
  pushToken: string;
  title: string;
  metadata: string;
  said: string;
  heard: string;
  dictated: string;
  summary: string;
  fact: string;
  recap: string;
  term: string;
  reminder: string;
}

/** Somebody who has used everything there is. */
export interface WholePerson {
  user: UserActor;
  sessionId: string;
  secrets: Secrets;
}

const lexicon = { owner: 'user', pack: 'nl-dental' } as const;

let people = 0;

/** Makes a person with a row in every table that people have rows in, through the verbs where there are any. */
export async function newWholePerson(world: World, services: Services = world.services): Promise<WholePerson> {
  people += 1;
  const secrets = secretsOf(people);
  const user = userOf(await signInByLink(world, secrets.email));
  const context = { ...services, actor: user };
  await setPassword(accountContext(world, user), { password: newId() });
  await saveOnboardingStep(context, { step: 'preferred_name', answer: secrets.name });
  await saveOnboardingStep(context, { step: 'goal', answer: secrets.goal });
  await updatePreferences(context, { patch: { theme: 'dark' } });
  await addDevice(context, { name: secrets.device, platform: 'ios', pushToken: secrets.pushToken });
  await addLexiconEntry(context, { ...lexicon, entry: { canonical: secrets.term, category: 'term', variants: [] } });
  await createReminder(context, reminderFor(world.clock.now(), { text: secrets.reminder }));
  await recordConsent(context, { purpose: 'recording', granted: true, policyVersion: '1' });
  const sessionId = await talk(world, services, user, secrets);
  await insertPhone(world, user, secrets.phone);
  // A link that nobody has followed yet.
  await newLink(world, secrets.email);
  const { id: exportId } = await requestExport(context);
  await writeExport({ ...services, actor: system }, { exportId, tenantId: user.tenantId, userId: user.userId });
  return { user, sessionId, secrets };
}

async function talk(world: World, services: Services, user: UserActor, secrets: Secrets): Promise<string> {
  const context = { ...services, actor: user };
  const { session_id: sessionId, room_name: roomName } = await issueToken(context, {
    room_config: { agents: [{ agent_name: '', metadata: JSON.stringify({ note: secrets.metadata }) }] },
  });
  await updateSession(context, { sessionId, changes: { title: secrets.title } });
  await createPairing(context, { sessionId });
  const agent = await world.claim(user, { id: sessionId, roomName });
  const turn = { id: newId(), agent: null, edits: [], interrupted: false, position: null, latency: null };
  await appendTurn(
    { ...services, actor: agent },
    {
      sessionId,
      turn: {
        ...turn,
        speaker: 'user',
        text: secrets.said,
        raw: secrets.heard,
        saidAt: world.clock.now().toISOString(),
      },
    },
  );
  await dictate({ ...services, actor: agent }, sessionId, secrets);
  const { fact } = await proposeFact({ ...services, actor: agent }, { id: newId(), text: secrets.fact });
  await keepFact(context, { factId: fact.id });
  await insertSummary(world, { sessionId, ...user }, secrets.recap);
  return sessionId;
}

async function dictate(context: Context, sessionId: string, { dictated, summary }: Secrets): Promise<void> {
  const segment = { id: newId(), raw: dictated, text: dictated, edits: [], saidAt: context.clock().toISOString() };
  const operations = [
    { type: 'write', segment },
    { type: 'set-summary', text: summary, model: 'a model' },
  ];
  for (const operation of operations) {
    await changeNote(context, { sessionId, change: noteChangeSchema.parse({ id: newId(), operation }) });
  }
}

async function insertPhone(world: World, { tenantId, userId }: UserActor, phone: string): Promise<void> {
  const id = newId();
  await world.admin.insert(identities).values({
    id,
    tenantId,
    userId,
    provider: 'phone',
    subject: seal(world.services, identities.subject, id, phone),
    subjectIndex: world.cipher.index('phone', phone),
    createdAt: world.clock.now(),
  });
}

function secretsOf(number: number): Secrets {
  return {
    name: `Wilhelmina ${number} Testerink`,
    goal: `overcoming my stammer number ${number} before the jubilee`,
    email: `wilhelmina.testerink.${number}@mail.example.test`,
    phone: `+3161234${5_000 + number}`,
    device: `Wilhelmina's telephone ${number}`,
    pushToken: `push-address-of-testerink-${number}`,
    title: `About the jubilee, part ${number}`,
    metadata: `appointment with doctor Nobody, ${number}`,
    said: `My grandmother lives at 12 Imaginary Lane, ${number}th floor.`,
    heard: `my grandmother lives at twelve imaginary lane ${number}`,
    dictated: `pain since the parade of regiment ${number}`,
    summary: `The patient ${number} has pain since a parade.`,
    fact: `plays the bassoon ${number} every Thursday`,
    recap: `They spoke about grandmother ${number} and her lane.`,
    term: `testerinkitis of patient ${number}`,
    reminder: `water the orchids of aunt Griselda ${number}`,
  };
}
