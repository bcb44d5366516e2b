import { createMiddleware } from 'hono/factory';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { ApiEnvironment } from '../environment.ts';
import { invalidInput } from './errors.ts';
import { sentHeader } from './headers.ts';

const json = /^application\/(?:[a-z.-]+\+)?json\s*(?:;|$)/i;

/**
 * Reads a JSON body that may be left out, which is as good as `{}`, for a route that is asked more than the others: the
 * validators of `@hono/zod-openapi` answer alike, and take a tenth of a short request's time. It documents nothing: the route
 * registers what it takes.
 * @throws HTTPException 415 for a body that is no JSON by its content type, 400 for one that is none by its text, and AppError
 * `invalid_input` for one that `schema` refuses.
 */
export function optionalJson<Schema extends z.ZodType>(schema: Schema) {
  type Validated = { in: { json?: z.input<Schema> }; out: { json: z.output<Schema> } };
  return createMiddleware<ApiEnvironment, string, Validated>(async function optionalJson(c, next) {
    const text = await c.req.text();
    if (text && !json.test(String(sentHeader(c, 'content-type')))) throw new HTTPException(415);
    const { data, error } = schema.safeParse(text ? parse(text) : {});
    if (error) throw invalidInput(error);
    c.req.addValidatedData('json', data as object);
    return next();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HTTPException(400);
  }
}
