import { z } from 'zod';
import { contentSchema, instructionSchema, toolsSchema } from './gemini-request.ts';

/** What a connection is told to be, once, before anything else (ai.google.dev/api/live, `BidiGenerateContentSetup`). */
const setupSchema = z.strictObject({
  model: z.string().regex(/^models\/[\w.-]+$/),
  generationConfig: z
    .strictObject({
      responseModalities: z.tuple([z.literal('AUDIO')]),
      speechConfig: z.strictObject({
        voiceConfig: z.strictObject({ prebuiltVoiceConfig: z.strictObject({ voiceName: z.string().min(1) }) }),
      }),
    })
    .partial()
    .optional(),
  systemInstruction: instructionSchema.optional(),
  tools: toolsSchema.optional(),
  inputAudioTranscription: z.strictObject({ languageCodes: z.array(z.string()).optional() }).optional(),
  outputAudioTranscription: z.strictObject({}).optional(),
  realtimeInputConfig: z
    .strictObject({
      automaticActivityDetection: z.strictObject({
        disabled: z.boolean().optional(),
        prefixPaddingMs: z.int().min(0).optional(),
        silenceDurationMs: z.int().min(0).optional(),
      }),
    })
    .optional(),
});

/** A setup the API takes. */
export type LiveSetup = z.infer<typeof setupSchema>;

const functionResponse = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1),
  response: z.record(z.string(), z.unknown()),
});

/** One message of a client. Fields that the vendor has but that are not modelled here are refused like unknown ones. */
export const clientMessageSchema = z.union([
  z.strictObject({ setup: setupSchema }),
  z.strictObject({
    clientContent: z.strictObject({ turns: z.array(contentSchema).optional(), turnComplete: z.boolean().optional() }),
  }),
  z.strictObject({
    realtimeInput: z.union([
      z.strictObject({ audio: z.strictObject({ data: z.base64(), mimeType: z.literal('audio/pcm;rate=16000') }) }),
      z.strictObject({ activityStart: z.strictObject({}) }),
      z.strictObject({ activityEnd: z.strictObject({}) }),
    ]),
  }),
  z.strictObject({ toolResponse: z.strictObject({ functionResponses: z.array(functionResponse).min(1) }) }),
]);

/** A message the API takes. */
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** What a client tells of one call. */
export type LiveFunctionResponse = z.infer<typeof functionResponse>;
