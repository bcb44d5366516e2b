import { AppError } from '../core/errors.ts';

/** Why something failed, for the log and the stored job. Messages of errors that aren't ours may hold personal data. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
