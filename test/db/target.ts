import { newId } from '../../core/ids.ts';
import { identities } from '../../db/schema/identities.ts';
import type { AgentActor, UserActor } from '../../domain/actor.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { createApiKey } from '../../services/api-keys.ts';
import { recordConsent } from '../../services/consents.ts';
import { addDevice } from '../../services/devices.ts';
import { requestExport } from '../../services/exports.ts';
import { seal } from '../../services/fields.ts';
import { addLexiconEntry } from '../../services/lexicons.ts';
import { saveOnboardingStep } from '../../services/onboarding.ts';
import { createPairing } from '../../services/pairings.ts';
import { appendTurn } from '../../services/turns.ts';
import { remember } from './memory-samples.ts';
import { newReminder } from './reminder-samples.ts';
import type { World } from './world.ts';

/** A user's own terms. */
export const own = { owner: 'user', pack: 'nl-dental' } as const;

/** A term that no lexicon has yet. */
export const newTerm = () => ({ canonical: `term ${newId()}`, category: 'term', variants: ['tearm'] });

/** Somebody whom a verb is tried on, with one of everything that has an id. */
export interface Target {
  user: UserActor;
  agent: AgentActor;
  tenantId: string;
  userId: string;
  sessionId: string;
  roomName: string;
  deviceId: string;
  lexiconEntryId: string;
  apiKeyId: string;
  exportId: string;
  pairingId: string;
  pairingCode: string;
  reminderId: string;
  email: string;
  factId: string;
}

/** Makes a target in a tenant, through the verbs. */
export async function newTarget(world: World, inTenant: string = defaultTenant.id): Promise<Target> {
  const user = await world.newUser(inTenant);
  const { tenantId, userId } = user;
  const context = world.context(user);
  const session = await world.newSession(user);
  // As the join token of tests names its job, which may then claim again.
  const agent = await world.claim(user, session, `agent-${session.roomName}`);
  const said = world.clock.now().toISOString();
  const turn = newTurnSchema.parse({ id: newId(), speaker: 'user', text: `words of ${userId}`, saidAt: said });
  await appendTurn(world.context(agent), { sessionId: session.id, turn });
  await saveOnboardingStep(context, { step: 'preferred_name', answer: `name of ${userId}` });
  const { id: deviceId } = await addDevice(context, { name: 'phone', platform: 'web', pushToken: null });
  const { id: lexiconEntryId } = await addLexiconEntry(context, { ...own, entry: newTerm() });
  await recordConsent(context, { purpose: 'recording', granted: true, policyVersion: '1' });
  const admin = world.context({ ...user, roles: ['admin'] } as const);
  const { key } = await createApiKey(admin, { name: 'key', scopes: ['rooms:join'], expiresAt: null });
  const { id: exportId } = await requestExport(context);
  const { pairing, code: pairingCode } = await createPairing(context, { sessionId: session.id });
  const factId = await remember(world, agent);
  const reminderId = await newReminder(context);
  const email = `${userId}@example.test`;
  await world.admin
    .insert(identities)
    .values([identityOf(world, user, 'email', email), identityOf(world, user, 'app', userId)]);
  const ids = {
    sessionId: session.id,
    roomName: session.roomName,
    deviceId,
    lexiconEntryId,
    apiKeyId: key.id,
    exportId,
  };
  return { user, agent, tenantId, userId, email, pairingId: pairing.id, pairingCode, factId, reminderId, ...ids };
}

function identityOf(
  { services, cipher, clock }: World,
  { tenantId, userId }: UserActor,
  provider: string,
  subject: string,
): typeof identities.$inferInsert {
  const id = newId();
  const at = clock.now();
  const sealed = seal(services, identities.subject, id, subject);
  const subjectIndex = cipher.index(provider, subject);
  return { id, tenantId, userId, provider, subject: sealed, subjectIndex, createdAt: at, verifiedAt: at };
}
