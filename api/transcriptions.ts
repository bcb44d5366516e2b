import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { type TranscriptionFields, transcriptionFieldsSchema, transcriptionSchema } from '../domain/transcription.ts';
import type { Services } from '../services/context.ts';
import { transcribe } from '../services/transcriptions.ts';
import type { ApiEnvironment } from './environment.ts';
import { EventStream } from './event-stream.ts';
import { invalidInput, problemOf } from './middleware/errors.ts';
import { actorKey } from './middleware/rate-limits.ts';
import { readFileForm } from './multipart.ts';
import { Places } from './places.ts';
import { problemResponses } from './problem.ts';

/** Each holds a recording, and a segment of it on its way. */
const places = { all: 6, each: 2 } as const;

const create = createRoute({
  method: 'post',
  path: '/transcriptions',
  description:
    'What is said in a recording: WAV, MP3, WebM or M4A by its content, 25 MiB at most. With `accept: text/event-stream` it ' +
    'answers with events: `progress` before and `segment` after each segment of it, then `result` with what is answered ' +
    'otherwise, or `error` with a problem. Nothing of it is stored.',
  request: {
    body: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: transcriptionFieldsSchema.extend({
            file: z.any().openapi({ type: 'string', format: 'binary', description: 'The recording.' }),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'What is said in it.',
      content: {
        'application/json': { schema: transcriptionSchema },
        'text/event-stream': { schema: z.string() },
      },
    },
    ...problemResponses,
  },
});

/** The route that transcribes recordings. */
export function transcriptionRoutes(services: Services) {
  const free = new Places(places);
  const app = new OpenAPIHono<ApiEnvironment>();
  // Registered for the document alone: the validator of a form would read all of it into memory first.
  app.openAPIRegistry.registerPath(create);
  return app.post('/transcriptions', async (c) => {
    const giveBack = takePlace(c, free);
    const gone = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
    const wantsEvents = /\btext\/event-stream\b/i.test(c.req.header('accept') ?? '');
    const events = wantsEvents ? new EventStream(() => gone.abort()) : null;
    const context = { ...services, actor: c.get('actor') };
    const work = transcribe(context, {
      receive: () => receive(c.req.raw),
      signal,
      onProgress: (progress) => events?.send(progress.type, progress),
    })
      .catch((error: unknown) => {
        throw signal.aborted ? connectionClosed() : error;
      })
      .finally(giveBack);
    if (!events) return c.json(await work, 200);
    try {
      // What is refused before the first segment has a status of its own.
      await Promise.race([work, events.begun]);
    } catch (error) {
      events.end();
      throw error;
    }
    work
      .then(
        (transcription) => events.send('result', transcription),
        (error: Error) => events.send('error', problemOf(services.log, error, c)),
      )
      .finally(() => events.end());
    return c.body(events.body, 200, {
      'content-type': 'text/event-stream',
      // nginx would keep events until it has a page of them.
      'x-accel-buffering': 'no',
    });
  });
}

/** @throws AppError as `Places.take`, with `Retry-After`. */
function takePlace(c: Context<ApiEnvironment>, free: Places): () => void {
  try {
    return free.take(actorKey(c.get('actor')));
  } catch (error) {
    c.header('retry-after', '10');
    throw error;
  }
}

/** For nobody to read: the client is gone. */
function connectionClosed(): AppError {
  return new AppError('invalid_input', 'The connection was closed before the answer');
}

async function receive(request: Request): Promise<{ audio: Uint8Array; fields: TranscriptionFields }> {
  const limits = { file: 'file', fileBytes: sizes.recordingBytes, otherBytes: sizes.requestBodyBytes };
  const { file, fields } = await readFileForm(request, limits);
  const read = transcriptionFieldsSchema.safeParse(fields);
  if (!read.success) throw invalidInput(read.error);
  return { audio: file, fields: read.data };
}
