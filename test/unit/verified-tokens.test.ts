import { describe, expect, it } from 'vitest';
import { rememberVerified } from '../../core/crypto/verified-tokens.ts';

describe('a token that was found valid', () => {
  const lifetimeSeconds = 60;
  /** Tokens whose text begins with `good` are valid, and say what they are. */
  function verifier() {
    const checked: string[] = [];
    let nowMs = 1_000_000;
    const tokens = rememberVerified(
      async (token) => {
        checked.push(token);
        const expiresAtSeconds = nowMs / 1_000 + lifetimeSeconds;
        return token.startsWith('good') ? { claims: { is: token }, expiresAtSeconds } : null;
      },
      () => new Date(nowMs),
    );
    return { ...tokens, checked, advance: (ms: number) => (nowMs += ms) };
  }

  it('is checked once, until it expires', async () => {
    const { verify, recall, checked, advance } = verifier();
    expect(recall('good')).toBeUndefined();
    expect(await verify('good')).toEqual({ is: 'good' });
    expect(await verify('good')).toEqual({ is: 'good' });
    expect(recall('good')).toEqual({ is: 'good' });
    expect(checked).toEqual(['good']);
    advance(lifetimeSeconds * 1_000);
    expect(recall('good')).toBeUndefined();
    expect(await verify('good')).toEqual({ is: 'good' });
    expect(checked).toEqual(['good', 'good']);
  });

  it('is not found valid again because another one was', async () => {
    const { verify, recall, checked } = verifier();
    await verify('good');
    expect(await verify('bad')).toBeNull();
    expect(await verify('bad')).toBeNull();
    expect(recall('bad')).toBeUndefined();
    expect(checked).toEqual(['good', 'bad', 'bad']);
  });

  it('is forgotten when there are too many, the oldest first', async () => {
    const { verify, recall } = verifier();
    for (let index = 0; index <= 10_000; index += 1) await verify(`good ${index}`);
    expect(recall('good 0')).toBeUndefined();
    expect(recall('good 1')).toEqual({ is: 'good 1' });
    expect(recall('good 10000')).toEqual({ is: 'good 10000' });
  });
});
