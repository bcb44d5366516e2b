import { STATUS_CODES } from 'node:http';
import type { Hook } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { AppError, type ErrorCode, errorStatus, type FieldFault } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Problem } from '../problem.ts';
import type { RequestCounts } from './rate-limits.ts';
import { routeOf } from './route.ts';

type ApiContext = Context<ApiEnvironment>;

interface Answer {
  status: ContentfulStatusCode;
  code: ErrorCode;
  detail: string;
  faults?: readonly FieldFault[];
}

/**
 * Answers every error as problem details; one that isn't ours shows and logs nothing but its name.
 * @param counts where a refused token or password counts, whichever route refused it; it may be one too many
 */
export function onError(log: Log, counts?: Pick<RequestCounts, 'refusal'>) {
  return async (error: Error, c: ApiContext): Promise<Response> => {
    const isRefusal = error instanceof AppError && error.code === 'unauthenticated';
    const excess = isRefusal ? await counts?.refusal(c).catch((limited: Error) => limited) : undefined;
    const problem = problemOf(log, excess ?? error, c);
    if (problem.code === 'unauthenticated') c.header('www-authenticate', 'Bearer');
    return answered(c, problem);
  };
}

/** Problem details of an error, which is logged when it is the server's: for an answer that has begun already as well. */
export function problemOf(log: Log, error: Error, c: ApiContext): Problem {
  const answer = answerOf(error);
  if (answer.status >= 500) {
    log.error(
      { requestId: c.get('requestId'), method: c.req.method, route: routeOf(c)?.path, ...described(error) },
      'a request failed',
    );
  }
  return problem(c, answer);
}

/** Answers a request for a path there isn't. */
export function onNotFound(c: ApiContext): Response {
  return answered(
    c,
    problem(c, { status: 404, code: 'not_found', detail: `There is no ${c.req.method} ${c.req.path}` }),
  );
}

/** Turns what zod found wrong with a request into an error that names each field as the client wrote it. */
export const onInvalid: Hook<unknown, ApiEnvironment, string, void> = (result) => {
  if (!result.success) throw invalidInput(result.error);
};

/** The error that names each field of an input as the client wrote it, with what zod found wrong. */
export function invalidInput(error: z.core.$ZodError): AppError {
  const faults = error.issues.flatMap(faultsOf);
  const detail = faults.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new AppError('invalid_input', detail, { faults });
}

function faultsOf(issue: z.core.$ZodIssue): FieldFault[] {
  const field = (path: PropertyKey[]) => path.map(String).join('.') || 'body';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: field([...issue.path, key]),
      message: 'is not a field a client may set',
    }));
  }
  return [{ field: field(issue.path), message: issue.message }];
}

function answerOf(error: Error): Answer {
  if (error instanceof HTTPException) {
    if (error.status === 415) {
      return { status: 415, code: 'unsupported_type', detail: 'Send the body with "content-type: application/json"' };
    }
    return { status: 400, code: 'invalid_input', detail: 'The body is not valid JSON' };
  }
  if (error instanceof AppError && error.code !== 'internal') {
    return { status: errorStatus[error.code], code: error.code, detail: error.message, faults: error.faults };
  }
  return {
    status: 500,
    code: 'internal',
    detail: 'Something went wrong: tell whoever runs this service the request id',
  };
}

// Messages of unknown errors may hold what people said; AppError's never do.
function described(error: Error): Record<string, unknown> {
  return { error: error.name, detail: error instanceof AppError ? error.message : undefined };
}

function problem(c: ApiContext, { status, code, detail, faults = [] }: Answer): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] as string,
    status,
    detail,
    code,
    requestId: c.get('requestId'),
    ...(faults.length ? { errors: [...faults] } : {}),
  };
}

function answered(c: ApiContext, problem: Problem): Response {
  const status = problem.status as ContentfulStatusCode;
  return c.body(JSON.stringify(problem), status, { 'content-type': 'application/problem+json' });
}
