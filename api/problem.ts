import { z } from '@hono/zod-openapi';
import { errorStatus } from '../core/errors.ts';

const codes = Object.keys(errorStatus) as [keyof typeof errorStatus, ...(keyof typeof errorStatus)[]];

const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().describe("The status code's name."),
    status: z.number().int(),
    detail: z.string().describe('What is wrong and how to mend it.'),
    code: z.enum(codes),
    requestId: z.string().describe("Names the request in the server's log."),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** Problem details (RFC 9457): the body of every answer that is an error. */
export type Problem = z.infer<typeof problemSchema>;

const content = { 'application/problem+json': { schema: problemSchema } };

/** For every route's `responses`. */
export const problemResponses = {
  '4XX': { description: 'The request is refused.', content },
  '5XX': { description: 'The server failed, or something it needs is away: try again.', content },
} as const;
