import { z } from 'zod';

const eventId = z.string().max(512).optional();
const itemId = z.string().regex(/^[\w-]{1,32}$/);
const pcm = z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000) });
const modalities = z.tuple([z.enum(['audio', 'text'])]);

const reply = { create_response: z.boolean().default(true), interrupt_response: z.boolean().default(true) };
const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    ...reply,
    prefix_padding_ms: z.int().min(0).default(300),
    silence_duration_ms: z.int().min(0).max(10_000).default(500),
    threshold: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    ...reply,
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).default('auto'),
  }),
]);

const tool = z.strictObject({
  type: z.literal('function'),
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  description: z.string().optional(),
  parameters: z.looseObject({ type: z.literal('object') }),
});

const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.strictObject({ type: z.literal('function'), name: z.string() }),
]);

const session = z.strictObject({
  type: z.literal('realtime'),
  output_modalities: modalities.optional(),
  instructions: z.string().optional(),
  audio: z
    .strictObject({
      input: z
        .strictObject({
          format: pcm.optional(),
          transcription: z
            .strictObject({
              model: z.string().min(1),
              language: z
                .string()
                .regex(/^[a-z]{2,3}$/)
                .optional(),
              prompt: z.string().optional(),
            })
            .nullable()
            .optional(),
          turn_detection: turnDetection.nullable().optional(),
        })
        .optional(),
      output: z
        .strictObject({
          format: pcm.optional(),
          voice: z.string().min(1).optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
  tools: z.array(tool).optional(),
  tool_choice: toolChoice.optional(),
});

const text = (type: 'input_text' | 'output_text') =>
  z.array(z.strictObject({ type: z.literal(type), text: z.string().min(1) })).min(1);
const message = { id: itemId.optional(), type: z.literal('message') };
const item = z.union([
  z.strictObject({ ...message, role: z.enum(['user', 'system']), content: text('input_text') }),
  z.strictObject({ ...message, role: z.literal('assistant'), content: text('output_text') }),
  z.strictObject({
    id: itemId.optional(),
    type: z.literal('function_call'),
    call_id: z.string().min(1),
    name: z.string().min(1),
    arguments: z.string(),
  }),
  z.strictObject({
    id: itemId.optional(),
    type: z.literal('function_call_output'),
    call_id: z.string().min(1),
    output: z.string(),
  }),
]);

/**
 * What a client may send (developers.openai.com/api/reference/resources/realtime/client-events). Whatever the vendor has but is
 * not modelled here is refused like something unknown, so that no test can lean on it.
 */
const clientEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('session.update'), event_id: eventId, session }),
  z.strictObject({ type: z.literal('input_audio_buffer.append'), event_id: eventId, audio: z.base64() }),
  z.strictObject({ type: z.literal('input_audio_buffer.commit'), event_id: eventId }),
  z.strictObject({ type: z.literal('input_audio_buffer.clear'), event_id: eventId }),
  z.strictObject({
    type: z.literal('conversation.item.create'),
    event_id: eventId,
    previous_item_id: itemId.optional(),
    item,
  }),
  z.strictObject({ type: z.literal('conversation.item.delete'), event_id: eventId, item_id: itemId }),
  z.strictObject({
    type: z.literal('conversation.item.truncate'),
    event_id: eventId,
    item_id: itemId,
    content_index: z.literal(0),
    audio_end_ms: z.int().min(0),
  }),
  z.strictObject({
    type: z.literal('response.create'),
    event_id: eventId,
    response: z
      .strictObject({
        instructions: z.string().optional(),
        metadata: z.record(z.string().max(64), z.string().max(512)).optional(),
        output_modalities: modalities.optional(),
        tool_choice: toolChoice.optional(),
      })
      .default({}),
  }),
  z.strictObject({ type: z.literal('response.cancel'), event_id: eventId, response_id: z.string().optional() }),
]);

/** An event that the server takes. */
export type ClientEvent = z.output<typeof clientEventSchema>;

/** One kind of it. */
export type ClientEventOf<Type extends ClientEvent['type']> = Extract<ClientEvent, { type: Type }>;

/** Changes of a session. */
export type SessionChange = z.output<typeof session>;

/** How a session listens for turns. */
export type TurnDetection = z.output<typeof turnDetection>;

/** What one response is asked with. */
export type ResponseRequest = ClientEventOf<'response.create'>['response'];

/** A refusal as an `error` event tells it. */
export class RefusedEvent extends Error {
  readonly code: string;
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}

/** What a message is: an event, or what is wrong with it. `type` and `eventId` are those it claims. */
export type ReadEvent = { type: string; eventId: string | null } & (
  | { event: ClientEvent; fault?: undefined }
  | { event?: undefined; fault: RefusedEvent }
);

/** Reads a message of the client. */
export function readEvent(text: string): ReadEvent {
  const message = parseJson(text);
  const parsed = clientEventSchema.safeParse(message);
  const type = String(message.type);
  const eventId = typeof message.event_id === 'string' ? message.event_id : null;
  if (parsed.success) return { type, eventId, event: parsed.data };
  const [issue] = parsed.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const param = [...(issue?.path ?? []), ...keys].join('.') || null;
  return { type, eventId, fault: new RefusedEvent('invalid_value', 'Invalid event.', param) };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
