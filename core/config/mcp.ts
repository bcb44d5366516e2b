import { z } from 'zod';
import { ConfigError, type FieldFault } from '../errors.ts';
import { defaults } from '../limits.ts';
import { type Environment, integer, names, parseEnvironment, text, url } from './environment.ts';

/** The agents that a model answers for, and that can be given tools therefore; dictation has none. */
export const agentsWithTools = ['concierge', 'onboarding', 'oracy', 'scout', 'companion'] as const;

/** Where each tool of a server may be used, and how the server is reached. */
export interface McpServerConfig {
  /** Begins the names of its tools: lower-case letters, digits and hyphens. */
  name: string;
  /** Where it speaks streamable HTTP. */
  url: string;
  /** Sent as `Authorization: Bearer`. */
  token?: string;
  /** Agents of the roster that get its tools. */
  agents: readonly string[];
  /** The tools that they get, by the server's own names; undefined: all there are. */
  tools?: readonly string[];
  /** How long an answer of the server is waited for. */
  timeoutMs: number;
}

/** No underscore: the first one in the name of a tool ends the name of its server, so that no two servers can mean the same. */
const serverName = /^[a-z][a-z0-9-]{0,23}$/;

const serverNames = names.transform((list, context) => {
  for (const name of list) {
    if (serverName.test(name)) continue;
    context.addIssue({
      code: 'custom',
      message: `"${name}" needs to begin with a lower-case letter and to hold lower-case letters, digits and "-", 24 at the most`,
    });
  }
  if (new Set(list).size < list.length) context.addIssue({ code: 'custom', message: 'names a server twice' });
  return list;
});

/** Variables about MCP servers that are always read; those of each server follow from its name. */
export const mcpVariables = {
  PARLEY_MCP_SERVERS: serverNames.default([]),
};

const agents = names.transform((list, context) => {
  for (const name of list) {
    if ((agentsWithTools as readonly string[]).includes(name)) continue;
    context.addIssue({
      code: 'custom',
      message: `${name} is no agent with tools: those are ${agentsWithTools.join(', ')}`,
    });
  }
  return list;
});

const toolNames = names.transform((list, context) => {
  if (list.includes('*') && list.length > 1) {
    context.addIssue({ code: 'custom', message: 'needs "*" alone, for all tools, or their names' });
  }
  return list.includes('*') ? undefined : list;
});

const address = url('http', 'https').refine(
  (value) => !URL.canParse(value) || (new URL(value).username === '' && new URL(value).password === ''),
  { error: 'may hold no user name and password: a bearer token has a variable of its own, ending in _TOKEN' },
);

const token = text.regex(/^[\x21-\x7e]+$/, 'needs visible characters of ASCII without a space');

const prefixOf = (server: string) => `PARLEY_MCP_${server.toUpperCase().replaceAll('-', '_')}`;

function variablesOf(server: string) {
  const prefix = prefixOf(server);
  return {
    [`${prefix}_URL`]: address,
    [`${prefix}_TOKEN`]: token.optional(),
    [`${prefix}_AGENTS`]: agents,
    [`${prefix}_TOOLS`]: toolNames,
    [`${prefix}_TIMEOUT_MS`]: integer(100, 120_000).default(defaults.mcpTimeoutMs),
    [`${prefix}_ALLOW_HTTP`]: z.enum(['true', 'false']).default('false'),
  };
}

/** The variables of each server that an environment names; of names that can't be used there are none. */
export function mcpServerVariables(env: Environment): Record<string, z.ZodType> {
  const named = mcpVariables.PARLEY_MCP_SERVERS.safeParse(env.PARLEY_MCP_SERVERS?.trim() || undefined);
  return Object.assign({}, ...(named.data ?? []).map(variablesOf));
}

/**
 * The MCP servers whose tools agents may use.
 * @throws ConfigError naming every missing or wrong variable of all of them at once.
 */
export function readMcpServers(env: Environment): McpServerConfig[] {
  const { PARLEY_MCP_SERVERS: servers } = parseEnvironment(z.object(mcpVariables), env);
  const faults: FieldFault[] = [];
  const configs = servers.flatMap((name) => {
    try {
      return [readServer(name, env)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      faults.push(...error.faults);
      return [];
    }
  });
  if (faults.length) throw new ConfigError(faults);
  return configs;
}

function readServer(name: string, env: Environment): McpServerConfig {
  const prefix = prefixOf(name);
  const e = parseEnvironment(z.object(variablesOf(name)), env) as Record<string, unknown>;
  const address = e[`${prefix}_URL`] as string;
  const { protocol, hostname } = new URL(address);
  if (protocol === 'http:' && !isLoopback(hostname) && e[`${prefix}_ALLOW_HTTP`] !== 'true') {
    const message = `needs https://: over http:// the token and what callers say could be read on the way. ${prefix}_ALLOW_HTTP=true allows it all the same`;
    throw new ConfigError([{ field: `${prefix}_URL`, message }]);
  }
  return {
    name,
    url: address,
    token: e[`${prefix}_TOKEN`] as string | undefined,
    agents: e[`${prefix}_AGENTS`] as string[],
    tools: e[`${prefix}_TOOLS`] as string[] | undefined,
    timeoutMs: e[`${prefix}_TIMEOUT_MS`] as number,
  };
}

/** As `URL` writes hosts: 127.0.0.0/8 and ::1 are loopback (RFC 6890), localhost is (RFC 6761). */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
