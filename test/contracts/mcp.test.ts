import { describe, expect, test } from 'vitest';
import { allNames, mcpFixture, messageOf, said, until } from './mcp-fixture.ts';

describe('the tools of an MCP server', () => {
  const { server, release, called, cancelled, outcomes, lines, config, open, enter } = mcpFixture();

  test('appear once it is connected, with what they are and take, and are called', async () => {
    const { names, tool, run } = open([config()]);
    expect(names()).toEqual([]);
    await until(names, allNames);
    expect(tool('weather_forecast').description).toBe('The weather of a day.');
    expect(tool('weather_forecast').parameters).toMatchObject({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    });
    expect(tool('weather_broken').parameters).toMatchObject({ type: 'object', properties: {} });
    expect(await run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
    expect(called).toEqual([{ city: 'Delft' }]);
    expect(outcomes).toEqual([['weather', 'forecast', 'done']]);
    expect(lines).toEqual([]);
  });

  test('are those of the allow-list alone, for the agents that may have them', async () => {
    const { tools, names } = open([config({ tools: ['forecast', 'hail'] })]);
    await until(names, ['weather_forecast']);
    expect(lines).toEqual([expect.objectContaining({ missing: ['hail'] })]);
    expect(tools.of('companion')).toBeUndefined();
    expect(server().sessions).toHaveLength(1);
  });

  test('share a session between the agents of a call, and each agent loses them with its part in it', async () => {
    const config2 = config({ agents: ['concierge', 'companion'], tools: ['forecast'] });
    const { tools, names, toolset, changes } = open([config2]);
    await until(names, ['weather_forecast']);
    const next = enter(tools, 'companion');
    expect(next.names()).toEqual(['weather_forecast']);
    await toolset?.aclose();
    const before = changes();
    server().sessions[0]?.registerTool('new', {}, async () => said('new'));
    await server().forget();
    await expect.poll(() => next.run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
    expect(changes()).toBe(before);
    expect(server().sessions).toHaveLength(1);
  });

  test('never take the name of a tool that an agent has of its own', async () => {
    const { names } = open([config()], 'concierge', ['weather_book']);
    await until(names, allNames.slice(1));
  });

  test('tell an error of theirs in words that no log has', async () => {
    const { names, run } = open([config()]);
    await until(names, allNames);
    // The framework logs what is thrown, and not what is returned.
    expect(messageOf(await run('weather_broken').result)).toBe('weather could not do it: no such station');
    const wrong = messageOf(await run('weather_forecast', { city: 7 }).result);
    expect(wrong).toContain('city');
    expect(outcomes.map(([, , outcome]) => outcome)).toEqual(['failed', 'failed']);
    expect(lines).toEqual([]);
  });

  test('are given up in time, and the server is told so', async () => {
    const { names, run } = open([config({ timeoutMs: 300 })]);
    await until(names, allNames);
    expect(messageOf(await run('weather_slow').result)).toBe('weather did not answer in time.');
    await expect.poll(() => cancelled).toEqual(['slow']);
    expect(messageOf(await run('weather_slow_write').result)).toContain('not known whether anything was done');
    expect(outcomes.map(([, , outcome]) => outcome)).toEqual(['timeout', 'timeout']);
  });

  test('are given up when the reply is interrupted; what may write is not cut off by a word', async () => {
    const { names, run } = open([config()]);
    await until(names, allNames);
    const reading = run('weather_slow');
    await expect.poll(() => called).toEqual(['slow']);
    expect(reading.isUninterruptible()).toBe(false);
    reading.abort();
    expect(messageOf(await reading.result)).toContain('given up');
    await expect.poll(() => cancelled).toEqual(['slow']);
    const writing = run('weather_slow_write');
    await expect.poll(() => called).toEqual(['slow', 'slow.write']);
    expect(writing.isUninterruptible()).toBe(true);
    release();
    expect(await writing.result).toBe('late');
    expect(writing.isUninterruptible()).toBe(false);
    expect(cancelled).toEqual(['slow']);
  });

  test('are not cancelled at the server once they have answered', async () => {
    const { names, run } = open([config()]);
    await until(names, allNames);
    const done = run('weather_forecast', { city: 'Delft' });
    await done.result;
    const asked = server().count('POST');
    done.abort();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server().count('POST')).toBe(asked);
  });

  test('are not read from an answer that does not end', async () => {
    const endless = 'x'.repeat(3 * 1024 * 1024);
    const { names, run } = open([config({ timeoutMs: 1_500 })]);
    await until(names, allNames);
    server().sessions[0]?.registerTool('endless', { annotations: { readOnlyHint: true } }, async () => said(endless));
    await until(names, ['weather_book', 'weather_broken', 'weather_endless', ...allNames.slice(2)]);
    expect(messageOf(await run('weather_endless').result)).toMatch(/did not answer in time|can not be/);
    expect(await run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
  });
});
