import { z } from 'zod';
import { sizes } from '../core/limits.ts';

const metadata = z.string().max(sizes.metadataCharacters, `is longer than ${sizes.metadataCharacters} characters`);

/** The agent a client wants in its room: the part of LiveKit's `RoomAgentDispatch` a client may set. */
const roomAgentSchema = z.strictObject({ agent_name: z.string().max(64).default(''), metadata: metadata.default('') });

/**
 * Body of LiveKit's standard token endpoint (https://docs.livekit.io/frontends/build/authentication/endpoint/), every
 * field optional. Strict objects: a field of LiveKit's `RoomConfiguration` that clients may not set (egress above all)
 * is refused by name.
 */
export const tokenRequestSchema = z
  .strictObject({
    room_name: z
      .string()
      .regex(/^[\w.-]{1,128}$/, 'needs 1 to 128 letters, digits, dots, dashes or underscores')
      .optional(),
    participant_identity: z.string().max(256).optional(),
    participant_name: z.string().max(128).optional(),
    participant_metadata: metadata.optional(),
    participant_attributes: z.record(z.string().min(1).max(128), z.string().max(sizes.attributeCharacters)).optional(),
    room_config: z
      .strictObject({ agents: z.array(roomAgentSchema).max(1, 'takes one agent') })
      .partial()
      .optional(),
  })
  .meta({ id: 'TokenRequest' });

export type TokenRequest = z.infer<typeof tokenRequestSchema>;

/** Answer of the token endpoint; `server_url` and `participant_token` are LiveKit's, the rest is extra. */
export const tokenResponseSchema = z
  .object({
    server_url: z.string(),
    participant_token: z.string(),
    room_name: z.string(),
    session_id: z.uuid(),
  })
  .meta({ id: 'TokenResponse' });

export type TokenResponse = z.infer<typeof tokenResponseSchema>;
