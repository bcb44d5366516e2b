import { z } from 'zod';
import { noteSchema } from './note.ts';
import { pairingDeviceSchema, pairingEventSchema, pairingSchema } from './pairing.ts';

/** The WebSocket protocol's name, as a client offers it (RFC 6455, section 1.9). */
export const pairingProtocol = 'parley.pairing.v1';

/** Begins a sub-protocol that carries a token: browsers can send no `Authorization` header with a WebSocket. */
export const bearerProtocolPrefix = 'parley.bearer.';

/** Why the server closes a socket (RFC 6455, section 7.4.2 leaves 4000 to 4999 to applications). */
export const closeCodes = {
  /** The server stops (IANA's registry of close codes): connect again. */
  restarting: 1012,
  /** Something the server needs is away (IANA): connect again later. */
  unavailable: 1013,
  ended: 4000,
  takenOver: 4001,
  tokenExpired: 4003,
  /** The client reads too slowly: connect again and resume. */
  tooSlow: 4008,
  badMessage: 4400,
  unauthenticated: 4401,
  notFound: 4404,
  noHello: 4408,
  tooMany: 4429,
} as const;

const token = z.string().min(1).max(8_192);

const helloFields = {
  type: z.literal('hello'),
  token: token.optional(),
  /** As the header `Parley-User`, for an API key. */
  user: z.string().max(256).optional(),
  /** Sequence of the last event the client has. */
  after: z.int().min(0).default(0),
};

/** The first message of a client. */
export const helloSchema = z.discriminatedUnion('end', [
  z.strictObject({ ...helloFields, end: z.literal('computer') }),
  z.strictObject({ ...helloFields, end: z.literal('phone'), phoneEpoch: z.int().min(1) }),
]);

export type Hello = z.output<typeof helloSchema>;

/** Every later message of a client. */
export const clientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ping') }),
  z.strictObject({ type: z.literal('auth'), token, user: helloFields.user }),
  // What is wrong with an operation is answered, and doesn't end the connection.
  z.strictObject({ type: z.literal('operation'), id: z.uuid(), operation: z.unknown() }),
]);

export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** Every message of the server. */
export const serverMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), end: pairingDeviceSchema, pairing: pairingSchema }),
  z.object({ type: z.literal('event'), sequence: z.int(), event: pairingEventSchema }),
  z.object({ type: z.literal('resync'), sequence: z.int(), note: noteSchema }),
  z.object({ type: z.literal('auth-expiring'), inSeconds: z.int() }),
  z.object({
    type: z.literal('operation-result'),
    id: z.uuid(),
    error: z.object({ code: z.string(), detail: z.string() }).optional(),
  }),
  z.object({ type: z.literal('pong') }),
]);

export type ServerMessage = z.infer<typeof serverMessageSchema>;
