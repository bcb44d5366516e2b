import { describe, expect, it } from 'vitest';
import { agentsWithTools } from '../../core/config/mcp.ts';
import { knownVariables, variablesOf } from '../../core/config/processes.ts';
import { loadWorkerConfig } from '../../core/config/worker.ts';
import { firstAgentSchema } from '../../domain/session.ts';
import { workerEnv, workerFaultsOf } from '../support/worker-env.ts';

const calendar = {
  PARLEY_MCP_SERVERS: 'calendar',
  PARLEY_MCP_CALENDAR_URL: 'https://calendar.test/mcp',
  PARLEY_MCP_CALENDAR_AGENTS: 'concierge,companion',
  PARLEY_MCP_CALENDAR_TOOLS: 'list_events, add_event',
};

describe('the MCP servers of a worker', () => {
  it('are none unless they are named', () => {
    expect(loadWorkerConfig(workerEnv).mcpServers).toEqual([]);
  });

  it('are what their variables say', () => {
    const { mcpServers } = loadWorkerConfig({
      ...workerEnv,
      ...calendar,
      PARLEY_MCP_SERVERS: 'calendar, house-1',
      PARLEY_MCP_HOUSE_1_URL: 'http://localhost:4000/mcp',
      PARLEY_MCP_HOUSE_1_TOKEN: 'secret',
      PARLEY_MCP_HOUSE_1_AGENTS: 'scout',
      PARLEY_MCP_HOUSE_1_TOOLS: '*',
      PARLEY_MCP_HOUSE_1_TIMEOUT_MS: '500',
    });
    expect(mcpServers).toEqual([
      {
        name: 'calendar',
        url: 'https://calendar.test/mcp',
        token: undefined,
        agents: ['concierge', 'companion'],
        tools: ['list_events', 'add_event'],
        timeoutMs: 8_000,
      },
      {
        name: 'house-1',
        url: 'http://localhost:4000/mcp',
        token: 'secret',
        agents: ['scout'],
        tools: undefined,
        timeoutMs: 500,
      },
    ]);
  });

  it('stop the start with every fault at once, beside those of other settings', () => {
    const faults = workerFaultsOf({
      ANTHROPIC_API_KEY: '',
      PARLEY_MCP_SERVERS: 'calendar,weather',
      PARLEY_MCP_CALENDAR_URL: 'ftp://calendar.test',
      PARLEY_MCP_CALENDAR_AGENTS: 'concierge,dictation',
      PARLEY_MCP_CALENDAR_TOOLS: '*,add_event',
      PARLEY_MCP_CALENDAR_TIMEOUT_MS: 'long',
      PARLEY_MCP_WEATHER_URL: 'https://user:password@weather.test/',
      PARLEY_MCP_WEATHER_TOKEN: 'två ord',
      PARLEY_MCP_WEATHER_AGENTS: 'scout',
    });
    expect(faults).toEqual({
      ANTHROPIC_API_KEY: expect.stringContaining('is not set'),
      PARLEY_MCP_CALENDAR_URL: 'needs a URL that begins with http:// or https://',
      PARLEY_MCP_CALENDAR_AGENTS:
        'dictation is no agent with tools: those are concierge, onboarding, oracy, scout, companion',
      PARLEY_MCP_CALENDAR_TOOLS: expect.stringContaining('"*" alone'),
      PARLEY_MCP_CALENDAR_TIMEOUT_MS: expect.stringContaining('whole number'),
      PARLEY_MCP_WEATHER_URL: expect.stringContaining('_TOKEN'),
      PARLEY_MCP_WEATHER_TOKEN: expect.stringContaining('ASCII'),
      PARLEY_MCP_WEATHER_TOOLS: 'is not set',
    });
  });

  it.each(['Calendar', 'my_calendar', '1st', 'a'.repeat(25), 'calendar,calendar'])('can not be called %s', (names) => {
    expect(Object.keys(workerFaultsOf({ ...calendar, PARLEY_MCP_SERVERS: names }))).toEqual(['PARLEY_MCP_SERVERS']);
  });

  it.each([
    ['http://calendar.test/mcp', undefined, false],
    ['http://127.0.0.1.calendar.test/mcp', undefined, false],
    ['http://calendar.test/mcp', 'true', true],
    ['http://127.9.0.1/mcp', undefined, true],
    ['http://[::1]:80/mcp', undefined, true],
  ])('are reached without encryption on this machine, or where that is allowed: %s', (url, allowed, isFine) => {
    const env = { ...calendar, PARLEY_MCP_CALENDAR_URL: url, PARLEY_MCP_CALENDAR_ALLOW_HTTP: allowed };
    const fault = workerFaultsOf(env).PARLEY_MCP_CALENDAR_URL ?? '';
    expect(fault === '').toBe(isFine);
    if (!isFine) expect(fault).toContain('PARLEY_MCP_CALENDAR_ALLOW_HTTP=true');
  });

  it('may be used by the agents of the roster that a model answers for', () => {
    expect([...agentsWithTools, 'dictation'].sort()).toEqual([...firstAgentSchema.options].sort());
  });

  it('bring their variables to those that are known', () => {
    expect(knownVariables({}).has('PARLEY_MCP_SERVERS')).toBe(true);
    expect(knownVariables({}).has('PARLEY_MCP_CALENDAR_URL')).toBe(false);
    expect(knownVariables(calendar).has('PARLEY_MCP_CALENDAR_URL')).toBe(true);
    expect(Object.keys(variablesOf('worker', calendar))).toContain('PARLEY_MCP_CALENDAR_TOKEN');
    expect(Object.keys(variablesOf('api', calendar))).not.toContain('PARLEY_MCP_CALENDAR_TOKEN');
    expect(knownVariables({ PARLEY_MCP_SERVERS: 'NOT, usable' }).has('PARLEY_MCP_SERVERS')).toBe(true);
  });
});
