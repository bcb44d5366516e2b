import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { ApiEnvironment } from './environment.ts';
import { invalidInput } from './middleware/errors.ts';
import { sentHeader } from './middleware/headers.ts';

const json = /^application\/(?:[a-z.-]+\+)?json\s*(?:;|$)/i;

/** What Hono's typed client may send to a route whose body is read by `optionalJson`. */
export interface OptionalJson<Schema extends z.ZodType> {
  in: { json?: z.input<Schema> };
  out: { json: z.output<Schema> };
}

/**
 * The JSON body of a request that may be left out, which is as good as `{}`, for a route that is asked more than the others: the
 * validators of `@hono/zod-openapi` answer alike, and take a tenth of a short request's time. It documents nothing: the route
 * registers what it takes.
 * @throws HTTPException 415 for a body that is no JSON by its content type, 400 for one that is none by its text, and AppError
 * `invalid_input` for one that `schema` refuses.
 */
export async function optionalJson<Schema extends z.ZodType>(
  c: Context<ApiEnvironment, string, OptionalJson<Schema>>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await c.req.text();
  if (text && !json.test(String(sentHeader(c, 'content-type')))) throw new HTTPException(415);
  const { data, error } = schema.safeParse(text ? parse(text) : {});
  if (error) throw invalidInput(error);
  return data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HTTPException(400);
  }
}
