import { randomInt } from 'node:crypto';
import { codeAlphabet, codeLength } from '../domain/pairing.ts';
import type { CoreContext } from './context.ts';

/** What codes are indexed as. */
const kind = 'pairing-code';

/** A random code, each as likely as any other. */
export function newPairingCode(): string {
  return Array.from({ length: codeLength }, () => codeAlphabet[randomInt(codeAlphabet.length)]).join('');
}

/** Under what a code is stored. */
export function codeIndexOf({ cipher }: Pick<CoreContext, 'cipher'>, code: string): string {
  return cipher.index(kind, code);
}

/** Under what a code may be stored. */
export function codeIndexesOf({ cipher }: Pick<CoreContext, 'cipher'>, code: string): string[] {
  return cipher.indexes(kind, code);
}
