import { describe, expect, it } from 'vitest';
import { isBackchannel } from '../../domain/backchannel.ts';

describe('a sign of listening', () => {
  it.each(['mhm', 'Yeah.', 'uh-huh', 'yes, yes', 'ja, precies', 'Oké!', 'hm hm hm'])('is "%s"', (text) => {
    expect(isBackchannel(text)).toBe(true);
  });

  it.each(['', 'stop', 'yes but', 'no', 'wait', 'yeah stop it', 'ja ja ja ja', 'nee', 'okay so listen'])(
    'is not "%s"',
    (text) => {
      expect(isBackchannel(text)).toBe(false);
    },
  );
});
