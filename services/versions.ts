import { AppError } from '../core/errors.ts';

/** The versions a change may be made on; absent for whichever there is. */
export interface IfVersions {
  ifVersions?: readonly number[];
}

/**
 * Makes sure that a row is still as its writer saw it, where two of them could meet.
 * @throws AppError `precondition_failed` when it is not.
 */
export function requireVersion(version: number, ifVersions: readonly number[] | undefined): void {
  if (ifVersions && !ifVersions.includes(version)) {
    throw new AppError('precondition_failed', 'It has been changed since: read it again and send the newer If-Match');
  }
}
