import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, type ErrorCode, errorStatus, type FieldFault } from '../core/errors.ts';

/** The part of a typed client's response that every route has. */
export interface ClientAnswer {
  ok: boolean;
  status: number;
  json(): Promise<unknown>;
}

/**
 * Repeats a call that is safe to repeat until it is answered for good or its deadline is near.
 * @throws AppError what the API answered, `unavailable` where it did not
 */
export async function untilAnswered(
  call: () => Promise<Response | ClientAnswer>,
  deadlineMs: () => number,
): Promise<ClientAnswer> {
  for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 5_000)) {
    const isLate = performance.now() > deadlineMs();
    const response = isLate ? undefined : await call().catch(() => undefined);
    if (response?.ok) return response;
    const retryable = !response || response.status === 429 || response.status >= 502;
    if (!retryable || performance.now() + delayMs > deadlineMs()) throw await failureOf(response);
    await sleep(delayMs);
  }
}

/** A deadline this far from now, by `performance.now()`. */
export function within(patienceMs: number): () => number {
  const deadlineMs = performance.now() + patienceMs;
  return () => deadlineMs;
}

/** The header of somebody with a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** What is logged of a failure. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof AppError ? error.code : 'internal';
}

/** The API's problem document as the error it was made from. */
async function failureOf(response: ClientAnswer | undefined): Promise<AppError> {
  if (!response) return new AppError('unavailable', 'The API could not be reached.');
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    detail?: string;
    errors?: FieldFault[];
  };
  const code = problem.code && problem.code in errorStatus ? (problem.code as ErrorCode) : 'internal';
  return new AppError(code, problem.detail ?? `The API answered ${response.status}.`, { faults: problem.errors });
}
