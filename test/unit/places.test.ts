import { describe, expect, it } from 'vitest';
import { Places } from '../../api/places.ts';

describe('places', () => {
  it('are given to each holder, and to all together, only so often', () => {
    const places = new Places({ all: 3, each: 2 });
    const first = places.take('ann');
    places.take('ann');
    expect(() => places.take('ann')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
    const third = places.take('bob');
    expect(() => places.take('cas')).toThrow(expect.objectContaining({ code: 'unavailable' }));
    first();
    const fourth = places.take('ann');
    for (const giveBack of [third, fourth]) giveBack();
    places.take('cas');
    places.take('cas');
  });
});
