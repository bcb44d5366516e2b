import { z } from 'zod';
import { turnSchema } from './conversation.ts';
import { noteSchema } from './note.ts';
import { languages } from './profile.ts';

/** Why a pairing is over: somebody said so, or nobody was heard of for too long. */
export const pairingEndSchema = z.enum(['unpaired', 'expired']).meta({ id: 'PairingEnd' });

export type PairingEnd = z.infer<typeof pairingEndSchema>;

/** The two ends: the computer shows the note, the phone is the microphone. */
export const pairingDeviceSchema = z.enum(['computer', 'phone']).meta({ id: 'PairingDevice' });

export type PairingDevice = z.infer<typeof pairingDeviceSchema>;

/** What has become of a pairing's newest code, as it is stored. */
export type StoredCodeState = 'open' | 'claimed' | 'locked';

/** What has become of a pairing's newest code, as it is shown. */
export const codeStateSchema = z.enum(['open', 'claimed', 'locked', 'expired']).meta({ id: 'PairingCodeState' });

export type CodeState = z.infer<typeof codeStateSchema>;

/** Letters and digits nobody takes for one another: no 0, 1, I, L or O. */
export const codeAlphabet = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';

/** 31^8 is 8.5e11 codes; five tries at one find it once in 1.7e11 times. */
export const codeLength = 8;

/** Wrong codes after which the right one opens nothing any more. */
export const wrongTriesAllowed = 5;

/** Pairings a user may have at a time. */
export const pairingsPerUser = 5;

/** A code as a person types it: small letters, spaces and hyphens are taken for what they mean. */
export const pairingCodeSchema = z
  .string()
  .max(32)
  .transform((typed) => typed.replace(/[\s-]/g, '').toUpperCase())
  .refine((code) => code.length === codeLength && [...code].every((letter) => codeAlphabet.includes(letter)), {
    error: `needs the ${codeLength} letters and digits that the computer shows`,
  });

/** A computer and a phone of one person that share a session. */
export const pairingSchema = z
  .object({
    id: z.uuid(),
    sessionId: z.uuid().describe('The session whose room both join.'),
    codeState: codeStateSchema.describe('Whether the newest code can be claimed, or why not.'),
    codeExpiresAt: z.iso.datetime(),
    phoneEpoch: z.int().describe('How many phones have claimed it; the phone there is now has this number.'),
    lastSequence: z.int().describe('Sequence of its newest event.'),
    createdAt: z.iso.datetime(),
    claimedAt: z.iso.datetime().nullable().describe('When the phone there is now came.'),
    expiresAt: z.iso.datetime().describe('When it ends unless one of its ends is heard of.'),
    endedAt: z.iso.datetime().nullable(),
    endReason: pairingEndSchema.nullable(),
  })
  .meta({ id: 'Pairing' });

export type Pairing = z.infer<typeof pairingSchema>;

/** A pairing to be made: on a session there is, or on a new one that begins with the dictation agent. */
export const newPairingSchema = z
  .strictObject({
    sessionId: z.uuid().optional().describe('A session of the user; by default a new one.'),
    language: z.enum(languages).optional().describe('Language of a new session.'),
  })
  .refine(({ sessionId, language }) => sessionId === undefined || language === undefined, {
    path: ['language'],
    error: 'is for a new session: leave it or sessionId out',
  })
  .meta({ id: 'NewPairing' });

export type NewPairing = z.infer<typeof newPairingSchema>;

/** A pairing with the code that was just made for it: the only answer that holds it. */
export const pairingWithCodeSchema = z
  .object({
    pairing: pairingSchema,
    code: z.string().describe('To be shown to the person, who types it into the phone.'),
    qrPayload: z.string().describe('The same for a camera: `parley-pairing:?id=<pairing>&code=<code>`.'),
  })
  .meta({ id: 'PairingWithCode' });

export type PairingWithCode = z.infer<typeof pairingWithCodeSchema>;

/** A phone's claim. */
export const pairingClaimSchema = z
  .strictObject({
    code: pairingCodeSchema,
    id: z.uuid().optional().describe('The pairing, from a QR code; a wrong code then counts against this one alone.'),
  })
  .meta({ id: 'PairingClaim' });

export type PairingClaim = z.output<typeof pairingClaimSchema>;

/** Which end wants to join the room. */
export const pairingTokenRequestSchema = z
  .discriminatedUnion('end', [
    z.strictObject({ end: z.literal('computer') }),
    z.strictObject({ end: z.literal('phone'), phoneEpoch: z.int().min(1) }),
  ])
  .meta({ id: 'PairingTokenRequest' });

export type PairingTokenRequest = z.infer<typeof pairingTokenRequestSchema>;

/** What both ends of a pairing are told, in order. */
export const pairingEventSchema = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('paired'), phoneEpoch: z.int() }),
    z.object({ type: z.literal('taken-over'), phoneEpoch: z.int().describe('Number of the phone that has it now.') }),
    z.object({ type: z.literal('code-locked') }),
    z.object({ type: z.literal('phone-connected') }),
    z.object({ type: z.literal('phone-disconnected') }),
    z.object({ type: z.literal('computer-connected') }),
    z.object({ type: z.literal('computer-disconnected') }),
    z.object({ type: z.literal('turn'), turn: turnSchema }),
    z.object({
      type: z.literal('note'),
      version: z.int(),
      note: noteSchema
        .optional()
        .describe('The note as it is when this is sent; of several at once the last one has it.'),
    }),
    z.object({ type: z.literal('ended'), reason: pairingEndSchema }),
  ])
  .meta({ id: 'PairingEvent' });

export type PairingEvent = z.infer<typeof pairingEventSchema>;

/** What a QR code of a pairing holds. It names no server: the app that reads it knows its own. */
export function qrPayloadOf(pairingId: string, code: string): string {
  return `parley-pairing:?${new URLSearchParams({ id: pairingId, code })}`;
}
