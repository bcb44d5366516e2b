import { type BlockList, isIP } from 'node:net';
import type { Context } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

/**
 * Where a request comes from: who is connected, or, when that is one of our proxies, the last address in `X-Forwarded-For`
 * that isn't. What stands before it there was sent by the client and may be anything. Empty once the client has left.
 */
export function clientAddress(c: Context<ApiEnvironment>, trustedProxies: BlockList): string {
  return addressBehind(trustedProxies, c.env.incoming?.socket.remoteAddress, c.req.header('x-forwarded-for'));
}

/** The same from what it follows from: the address that is connected, and the header `X-Forwarded-For`. */
export function addressBehind(trustedProxies: BlockList, connected = '', forwardedFor = ''): string {
  let address = connected;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  for (const hop of hops.reverse()) {
    const family = isIP(address);
    if (!isIP(hop) || !trustedProxies.check(address, family === 6 ? 'ipv6' : 'ipv4')) break;
    address = hop;
  }
  return address;
}

/** What of an address one customer has: IPv4 whole, of IPv6 the first 64 bits (RFC 6177). */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1] as string;
  if (isIP(address) !== 6) return address;
  const [before, after] = address.split('::').map((part) => part.split(':').filter(Boolean)) as [string[], string[]?];
  const zeros = after ? Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0') : [];
  const groups = [...before, ...zeros, ...(after ?? [])].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
