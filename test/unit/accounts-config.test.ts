import { describe, expect, it } from 'vitest';
import { supabaseAdminOf } from '../../core/config/accounts.ts';
import { loadApiConfig } from '../../core/config/api.ts';

const api = {
  LIVEKIT_URL: 'ws://127.0.0.1:7880',
  LIVEKIT_API_KEY: 'key',
  LIVEKIT_API_SECRET: 'x'.repeat(32),
  DATABASE_URL: 'postgres://user@127.0.0.1/parley',
  DATABASE_SERVICE_URL: 'postgres://service@127.0.0.1/parley',
  ENCRYPTION_KEY: 'ab'.repeat(32),
  JWT_SECRET: 'x'.repeat(32),
};
const oidc = {
  OIDC_ISSUER: 'https://issuer.example.test/',
  OIDC_AUDIENCE: 'parley',
  OIDC_JWKS_URL: 'https://issuer.example.test/keys',
};
const accountsWith = (more: object) => loadApiConfig({ ...api, ...more }).accounts;

describe('the settings of accounts', () => {
  it('are our own tokens alone, unless something else is asked for', () => {
    expect(accountsWith({})).toEqual({ jwtAlgorithm: 'HS256', publicUrl: undefined, issuers: [] });
    expect(accountsWith({ PUBLIC_URL: 'https://app.example.test' }).publicUrl).toBe('https://app.example.test');
  });

  it.each([
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ])('take %s with a secret of %d bytes or more', (JWT_ALGORITHM, bytes) => {
    expect(accountsWith({ JWT_ALGORITHM, JWT_SECRET: 'x'.repeat(bytes) }).jwtAlgorithm).toBe(JWT_ALGORITHM);
    expect(() => accountsWith({ JWT_ALGORITHM, JWT_SECRET: 'x'.repeat(bytes - 1) })).toThrow(
      'JWT_SECRET: needs at least',
    );
  });

  it.each(['none', 'RS256', 'hs256'])('refuse JWT_ALGORITHM=%s', (JWT_ALGORITHM) => {
    expect(() => accountsWith({ JWT_ALGORITHM })).toThrow('JWT_ALGORITHM: ');
  });

  it('name an OIDC issuer', () => {
    expect(accountsWith({ ...oidc, OIDC_ROLE_CLAIM: 'realm_access.roles', OIDC_TENANT: 'clinic' }).issuers).toEqual([
      {
        issuer: 'https://issuer.example.test/',
        audience: 'parley',
        jwksUrl: 'https://issuer.example.test/keys',
        roleClaim: 'realm_access.roles',
        tenant: 'clinic',
      },
    ]);
  });

  it('name a Supabase project by its address', () => {
    for (const SUPABASE_URL of ['https://project.supabase.example.test', 'https://project.supabase.example.test/']) {
      expect(accountsWith({ SUPABASE_URL, SUPABASE_ANON_KEY: 'anon', ...oidc }).issuers[0]).toEqual({
        issuer: 'https://project.supabase.example.test/auth/v1',
        audience: 'authenticated',
        jwksUrl: 'https://project.supabase.example.test/auth/v1/.well-known/jwks.json',
        roleClaim: 'app_metadata.roles',
        tenant: 'default',
        userInfo: { url: 'https://project.supabase.example.test/auth/v1/user', apiKey: 'anon' },
      });
    }
  });

  it('say what belongs together', () => {
    const { OIDC_ISSUER } = oidc;
    expect(() => accountsWith({ OIDC_ISSUER })).toThrow('OIDC_AUDIENCE: is not set');
    expect(() => accountsWith({ OIDC_ISSUER })).toThrow('OIDC_JWKS_URL: is not set');
    expect(() => accountsWith({ SUPABASE_URL: 'https://project.example.test' })).toThrow(
      'SUPABASE_ANON_KEY: is not set',
    );
  });

  it('know how to delete users of a Supabase project where they have its service key', () => {
    const SUPABASE_URL = 'https://project.example.test/';
    expect(supabaseAdminOf({ SUPABASE_URL, SUPABASE_SERVICE_KEY: 'service' })).toEqual({
      url: 'https://project.example.test',
      serviceKey: 'service',
    });
    expect(supabaseAdminOf({ SUPABASE_URL })).toBeUndefined();
    expect(supabaseAdminOf({ SUPABASE_SERVICE_KEY: 'service' })).toBeUndefined();
  });
});
