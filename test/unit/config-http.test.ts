import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseEnvironment } from '../../core/config/environment.ts';
import { httpOf, httpVariables } from '../../core/config/http.ts';

const load = (env: Record<string, string>) => httpOf(parseEnvironment(z.object(httpVariables), env));

describe('who may call the API', () => {
  it('is anybody, through no proxy, at the usual rates, unless it is said otherwise', () => {
    const { trustedProxies, ...others } = load({});
    expect(others).toEqual({ corsOrigins: ['*'], rateLimitScale: 1 });
    expect(trustedProxies.rules).toEqual([]);
  });

  it('are pages of some origins', () => {
    const { corsOrigins } = load({ CORS_ORIGINS: 'https://app.example.org, http://localhost:5173' });
    expect(corsOrigins).toEqual(['https://app.example.org', 'http://localhost:5173']);
  });

  it.each(['app.example.org', 'https://app.example.org/', 'https://app.example.org/path', 'null'])(
    'is no page of %s',
    (origin) => {
      expect(() => load({ CORS_ORIGINS: `https://app.example.org,${origin}` })).toThrow('CORS_ORIGINS: needs * or');
    },
  );

  it('comes through addresses and networks of both families', () => {
    const { trustedProxies } = load({ TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8, fd00::/8, ::1' });
    const isTrusted = (address: string) => trustedProxies.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
    expect(['127.0.0.1', '10.1.2.3', 'fd12::1', '::1', '::ffff:10.1.2.3'].filter((a) => !isTrusted(a))).toEqual([]);
    expect(['127.0.0.2', '11.0.0.0', 'fe80::1', '::2'].filter(isTrusted)).toEqual([]);
  });

  it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/', '10.0.0.0/-1', 'proxy.internal', '10.0.0/8', '0.0.0.0/0x8'])(
    'comes through nothing called %s',
    (item) => {
      expect(() => load({ TRUSTED_PROXIES: `127.0.0.1,${item}` })).toThrow(
        `TRUSTED_PROXIES: needs addresses or networks, for example 10.0.0.0/8, not ${item}`,
      );
    },
  );

  it('may be allowed more, or anything', () => {
    expect(load({ RATE_LIMIT_SCALE: '2.5' }).rateLimitScale).toBe(2.5);
    expect(load({ RATE_LIMIT_SCALE: '0' }).rateLimitScale).toBe(0);
    for (const scale of ['-1', 'off']) expect(() => load({ RATE_LIMIT_SCALE: scale })).toThrow('RATE_LIMIT_SCALE: ');
  });
});
