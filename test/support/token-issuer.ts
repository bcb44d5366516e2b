import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** What a test may make different in a token. */
export interface TokenParts {
  claims?: JWTPayload;
  /** Key and algorithm to sign with in place of the issuer's own. */
  alg?: string;
  key?: CryptoKey | Uint8Array;
  kid?: string;
  expiresAt?: Date | null;
}

/** An issuer of tokens on loopback: its keys at `/keys`, and what Supabase Auth answers at `/auth/v1`. */
export interface TokenIssuer {
  url: string;
  /** The secret of tokens that only the issuer can check. */
  secret: Uint8Array;
  /** What was asked, as `GET /keys`. */
  requests: string[];
  /** While set, every answer has this status. */
  state: { status?: number };
  sign(parts?: TokenParts): Promise<string>;
  close(): Promise<void>;
}

/** Starts one. `iss` of its tokens is its own URL, `aud` is `authenticated`, unless a test says otherwise. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'first', alg: 'ES256', use: 'sig' };
  const secret = new TextEncoder().encode('the-secret-of-the-issuer-alone-32');
  const requests: string[] = [];
  const state: TokenIssuer['state'] = {};
  const users = new Map<string, string>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const [status, body] = state.status ? [state.status, {}] : answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });

  function answer(request: IncomingMessage): [number, unknown] {
    if (request.url === '/keys' || request.url === '/auth/v1/.well-known/jwks.json') return [200, { keys: [jwk] }];
    const { apikey, authorization = '' } = request.headers;
    if (request.url === '/auth/v1/user' && apikey === 'anon') {
      const id = users.get(authorization);
      return id === undefined ? [403, { code: 'bad_jwt' }] : [200, { id }];
    }
    const [, id] = /^\/auth\/v1\/admin\/users\/(.+)$/.exec(request.url ?? '') ?? [];
    if (request.method === 'DELETE' && id && authorization === 'Bearer service' && apikey === 'service') {
      return id === 'gone' ? [404, {}] : [200, {}];
    }
    return [401, {}];
  }

  const url = await listen(server);
  return {
    url,
    secret,
    requests,
    state,
    async sign({ claims = {}, alg = 'ES256', key = privateKey, kid = 'first', expiresAt } = {}) {
      const jwt = new SignJWT({ iss: url, aud: 'authenticated', sub: 'user-1', ...claims }).setProtectedHeader({
        alg,
        kid,
      });
      if (expiresAt !== null) jwt.setExpirationTime(expiresAt ?? '1h');
      const token = await jwt.sign(key);
      if (key === secret) users.set(`Bearer ${token}`, String(claims.sub ?? 'user-1'));
      return token;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
    });
  });
}
