import { AppError } from '../core/errors.ts';

const pingTimeoutMs = 2_000;

/** Waits for a trivial query. @throws AppError `unavailable` when it takes longer than two seconds. */
export async function answering(query: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('unavailable', 'The database does not answer')), pingTimeoutMs);
  });
  try {
    await Promise.race([query, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
