import { newId } from '../../core/ids.ts';
import type { Actor } from '../../domain/actor.ts';
import { newTurnSchema } from '../../domain/conversation.ts';
import type { Mailer } from '../../domain/mail.ts';
import { participantIdentityOf } from '../../domain/session.ts';
import type { AccountTools } from '../../services/accounts.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../../services/api-keys.ts';
import { listConsents, recordConsent } from '../../services/consents.ts';
import type { Context } from '../../services/context.ts';
import { getContext } from '../../services/contexts.ts';
import { listDeadLetters, purgeDeadLetters, retryDeadLetters } from '../../services/dead-letters.ts';
import { addDevice, getDevice, listDevices, removeDevice, updateDevice } from '../../services/devices.ts';
import { acceptDispatch, watchDispatches } from '../../services/dispatches.ts';
import { rotateKeys } from '../../services/encryption.ts';
import { eraseUser } from '../../services/erasure.ts';
import { readExport, requestExport, writeExport } from '../../services/exports.ts';
import { exportLexicon } from '../../services/lexicon-export.ts';
import { importLexicon } from '../../services/lexicon-import.ts';
import { correct } from '../../services/lexicon-learning.ts';
import {
  addLexiconEntry,
  getEffectiveLexicon,
  getLexiconEntry,
  getLexiconVersion,
  listLexiconEntries,
  removeLexiconEntry,
  updateLexiconEntry,
} from '../../services/lexicons.ts';
import { requestMagicLink } from '../../services/magic-links.ts';
import { sendMail } from '../../services/mail.ts';
import { getMe } from '../../services/me.ts';
import { changeNote, getNote } from '../../services/notes.ts';
import {
  getOnboarding,
  goBackInOnboarding,
  restartOnboarding,
  saveOnboardingStep,
  skipOnboardingStep,
} from '../../services/onboarding.ts';
import { claimPairing } from '../../services/pairing-claims.ts';
import { readPairingEvents } from '../../services/pairing-events.ts';
import { expirePairings } from '../../services/pairing-expiry.ts';
import {
  enterPairing,
  issuePairingToken,
  keepPairing,
  leavePairing,
  watchPairings,
} from '../../services/pairing-presence.ts';
import { createPairing, endPairing, getPairing, listPairings, renewPairingCode } from '../../services/pairings.ts';
import { setPassword } from '../../services/passwords.ts';
import { type Permission, permissions, type Verb } from '../../services/permissions.ts';
import { getPreferences, replacePreferences, updatePreferences } from '../../services/preferences.ts';
import { getProfile, updateProfile } from '../../services/profiles.ts';
import { signOut } from '../../services/refresh-tokens.ts';
import { expireLeases, purgeExpired, removeSpentPairings } from '../../services/retention.ts';
import { followRoom } from '../../services/room-events.ts';
import { seedExample } from '../../services/seeding.ts';
import { createSession, endSession, getSession, listSessions, updateSession } from '../../services/session-records.ts';
import { claimSession, endAbandonedSessions, releaseSession, renewSession } from '../../services/sessions.ts';
import { issueToken } from '../../services/tokens.ts';
import { transcribe } from '../../services/transcriptions.ts';
import { appendTurn, listTurns } from '../../services/turns.ts';
import { exportUser } from '../../services/user-export.ts';
import { findUserByEmail } from '../../services/user-search.ts';
import { ensureUser } from '../../services/users.ts';
import { memorySamples } from './memory-samples.ts';
import { reminderSamples } from './reminder-samples.ts';
import { newTerm, own, type Target } from './target.ts';

/** What any verb may be called with. */
export type Caller = Context & { actor: Actor; accounts: AccountTools; mailer: Mailer };

export type Sample = (context: Caller, target: Target) => Promise<unknown>;

const ofTenant = { owner: 'tenant', pack: 'nl-dental' } as const;
const newDevice = { name: 'tablet', platform: 'web', pushToken: null } as const;
const newTurn = () =>
  newTurnSchema.parse({ id: newId(), speaker: 'agent', text: 'noted', saidAt: '2026-11-20T10:00:00.000Z' });

/** Each verb, tried on a target by every function that checks it. A new verb without a sample is a type error. */
export const samples: Record<Verb, Record<string, Sample>> = {
  ...memorySamples,
  'me.read': { getMe: (context) => getMe(context) },
  'profiles.read': { getProfile: (context) => getProfile(context) },
  'profiles.write': { updateProfile: (context) => updateProfile(context, { changes: { goal: 'to practise' } }) },
  'preferences.read': { getPreferences: (context) => getPreferences(context) },
  'preferences.write': {
    updatePreferences: (context) => updatePreferences(context, { patch: { a: 1 } }),
    replacePreferences: (context) => replacePreferences(context, { values: {} }),
  },
  'onboarding.read': { getOnboarding: (context) => getOnboarding(context) },
  'onboarding.write': {
    saveOnboardingStep: (context) => saveOnboardingStep(context, { step: 'preferred_name', answer: 'Ann' }),
    skipOnboardingStep: (context) => skipOnboardingStep(context, { step: 'goal' }),
    goBackInOnboarding: (context) => goBackInOnboarding(context),
    restartOnboarding: (context) => restartOnboarding(context),
  },
  'context.read': { getContext: (context, { sessionId }) => getContext(context, { sessionId }) },
  ...reminderSamples,
  'devices.read': {
    listDevices: (context) => listDevices(context, {}),
    getDevice: (context, { deviceId }) => getDevice(context, { deviceId }),
  },
  'devices.write': {
    addDevice: (context) => addDevice(context, newDevice),
    updateDevice: (context, { deviceId }) => updateDevice(context, { deviceId, changes: { name: 'mine' } }),
    removeDevice: (context, { deviceId }) => removeDevice(context, { deviceId }),
  },
  'consents.read': { listConsents: (context) => listConsents(context, { history: true }) },
  'consents.write': {
    recordConsent: (context) => recordConsent(context, { purpose: 'recording', granted: false, policyVersion: '1' }),
  },
  'sessions.join': { issueToken: (context, { roomName }) => issueToken(context, { room_name: roomName }) },
  'sessions.read': {
    listSessions: (context) => listSessions(context, {}),
    getSession: (context, { sessionId }) => getSession(context, { sessionId }),
  },
  'sessions.write': {
    createSession: (context) => createSession(context, { modality: 'text', title: null }),
    updateSession: (context, { sessionId }) => updateSession(context, { sessionId, changes: { title: 'mine' } }),
    endSession: (context, { sessionId }) => endSession(context, { sessionId }),
  },
  'sessions.claim': {
    acceptDispatch: (context) => acceptDispatch(context),
    claimSession: (context) => claimSession(context),
  },
  'sessions.hold': {
    renewSession: (context, { sessionId }) => renewSession(context, { sessionId }),
    releaseSession: (context, { sessionId }) => releaseSession(context, { sessionId, ending: 'moved' }),
  },
  'turns.read': { listTurns: (context, { sessionId }) => listTurns(context, { sessionId }) },
  'turns.append': {
    appendTurn: (context, { sessionId }) => appendTurn(context, { sessionId, turn: newTurn() }),
  },
  'lexicons.read': {
    listLexiconEntries: (context) => listLexiconEntries(context, own),
    getLexiconEntry: (context, { lexiconEntryId: entryId }) => getLexiconEntry(context, { ...own, entryId }),
    getEffectiveLexicon: (context) => getEffectiveLexicon(context, own),
    getLexiconVersion: (context) => getLexiconVersion(context),
    exportLexicon: (context) => exportLexicon(context, own),
  },
  'lexicons.write': {
    addLexiconEntry: (context) => addLexiconEntry(context, { ...own, entry: newTerm() }),
    updateLexiconEntry: (context, { lexiconEntryId: entryId }) =>
      updateLexiconEntry(context, { ...own, entryId, changes: { category: 'mine' } }),
    removeLexiconEntry: (context, { lexiconEntryId: entryId }) => removeLexiconEntry(context, { ...own, entryId }),
    importLexicon: (context) => importLexicon(context, { ...own, file: `canonical\n${newTerm().canonical}` }),
    correct: (context) =>
      correct(context, { ...own, spoken: 'karius', written: 'cariës', rule: 'lexicon', remember: true }),
  },
  'tenant-lexicons.write': {
    addLexiconEntry: (context) => addLexiconEntry(context, { ...ofTenant, entry: newTerm() }),
    updateLexiconEntry: async (context) => {
      const { id: entryId } = await addLexiconEntry(context, { ...ofTenant, entry: newTerm() });
      return updateLexiconEntry(context, { ...ofTenant, entryId, changes: { category: 'ours' } });
    },
    removeLexiconEntry: async (context) => {
      const { id: entryId } = await addLexiconEntry(context, { ...ofTenant, entry: newTerm() });
      return removeLexiconEntry(context, { ...ofTenant, entryId });
    },
    importLexicon: (context) => importLexicon(context, { ...ofTenant, file: `canonical\n${newTerm().canonical}` }),
  },
  'pairings.read': {
    listPairings: (context) => listPairings(context, {}),
    getPairing: (context, { pairingId }) => getPairing(context, { pairingId }),
    readPairingEvents: (context, { pairingId }) => readPairingEvents(context, { pairingId, after: 0 }),
  },
  'pairings.write': {
    createPairing: (context) => createPairing(context, {}),
    claimPairing: (context, { pairingCode: code }) => claimPairing(context, { code }),
    renewPairingCode: (context, { pairingId }) => renewPairingCode(context, { pairingId }),
    enterPairing: (context, { pairingId }) => enterPairing(context, { pairingId, end: 'computer' }),
    leavePairing: (context, { pairingId }) => leavePairing(context, { pairingId, end: 'computer' }),
    keepPairing: (context, { pairingId }) => keepPairing(context, { pairingId }),
    issuePairingToken: (context, { pairingId }) => issuePairingToken(context, { pairingId, end: 'computer' }),
    endPairing: (context, { pairingId }) => endPairing(context, { pairingId }),
  },
  'pairings.watch': { watchPairings: (context, { pairingId }) => watchPairings(context, { ids: [pairingId] }) },
  'pairings.expire': {
    expirePairings: (context) => expirePairings(context),
    removeSpentPairings: (context) => removeSpentPairings(context),
  },
  'transcriptions.create': {
    transcribe: (context) =>
      transcribe(context, {
        receive: async () => ({ audio: new Uint8Array(1), fields: {} }),
        signal: new AbortController().signal,
      }),
  },
  'notes.read': { getNote: (context, { sessionId }) => getNote(context, { sessionId }) },
  'notes.write': {
    changeNote: (context, { sessionId }) =>
      changeNote(context, { sessionId, change: { id: newId(), operation: { type: 'new-line' } } }),
  },
  'api-keys.read': { listApiKeys: (context) => listApiKeys(context, {}) },
  'api-keys.write': {
    createApiKey: (context) => createApiKey(context, { name: 'new', scopes: ['rooms:join'], expiresAt: null }),
    revokeApiKey: (context, { apiKeyId }) => revokeApiKey(context, { apiKeyId }),
  },
  'accounts.sign-in': { requestMagicLink: (context, { email }) => requestMagicLink(context, { email }) },
  'accounts.sign-out': { signOut: (context) => signOut(context, {}) },
  'accounts.set-password': { setPassword: (context) => setPassword(context, { password: newId() }) },
  'users.ensure': { ensureUser: (context, { tenantId, userId }) => ensureUser(context, { tenantId, userId }) },
  'users.find': { findUserByEmail: (context, { email }) => findUserByEmail(context, { email }) },
  'users.export': {
    exportUser: async (context, { userId }) => {
      let document = '';
      for await (const part of await exportUser(context, { userId })) document += part;
      return document;
    },
    writeExport: (context, { exportId, tenantId, userId }) => writeExport(context, { exportId, tenantId, userId }),
  },
  'exports.read': { readExport: (context, { exportId }) => readExport(context, { exportId }) },
  'exports.write': { requestExport: (context) => requestExport(context) },
  'users.erase': { eraseUser: (context, { userId }) => eraseUser(context, { userId }) },
  'dispatches.watch': {
    followRoom: (context, { roomName, userId }) =>
      followRoom(context, {
        event: { roomName, identity: participantIdentityOf(userId), change: 'joined' },
        wait: async () => {},
      }),
    watchDispatches: (context) => watchDispatches(context),
  },
  'sessions.end-abandoned': { endAbandonedSessions: (context) => endAbandonedSessions(context) },
  'retention.purge': {
    purgeExpired: (context) => purgeExpired(context),
    expireLeases: (context) => expireLeases(context),
  },
  'encryption.rotate': { rotateKeys: (context) => rotateKeys(context) },
  'data.seed': { seedExample: (context) => seedExample(context, { usersPerRole: 1, isForced: true }) },
  'mail.send': {
    sendMail: (context) => {
      const id = newId();
      const mail = JSON.stringify({ to: 'a@example.test', subject: 'a', text: 'a' });
      return sendMail(context, { id, sealed: context.cipher.seal(`mails.content:${id}`, mail) });
    },
  },
  'jobs.read': { listDeadLetters: (context) => listDeadLetters(context, { limit: 1 }) },
  'jobs.write': {
    retryDeadLetters: (context) => retryDeadLetters(context, { ids: [] }),
    purgeDeadLetters: (context) => purgeDeadLetters(context, { ids: [] }),
  },
};

/** What the table says, read without the code that enforces it. */
export function isAllowed(verb: Verb, actor: Actor): boolean {
  const { kinds, roles: needed, scope }: Permission = permissions[verb];
  if (!kinds.includes(actor.kind)) return false;
  if (actor.kind !== 'user') return true;
  const hasRole = !needed || needed.some((role) => actor.roles.includes(role));
  const hasScope = !actor.scopes || (scope !== undefined && actor.scopes.includes(scope));
  return hasRole && hasScope;
}
