import { AppError } from '../core/errors.ts';

/**
 * Makes sure that a row is still as its writer saw it, where two of them could meet.
 * @throws AppError `precondition_failed` when it is not.
 */
export function requireVersion(version: number, ifVersion: number | undefined): void {
  if (ifVersion !== undefined && ifVersion !== version) {
    throw new AppError('precondition_failed', 'It has been changed since: read it again and send the newer If-Match');
  }
}
