import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CallTools } from '../../agents/mcp/call-tools.ts';
import { McpConnection } from '../../agents/mcp/connection.ts';
import { allNames, mcpFixture, messageOf, said, until } from './mcp-fixture.ts';

describe('the tools of an MCP server', () => {
  const { server, called, outcomes, lines, log, config, open, enter } = mcpFixture();

  test('are asked for with the bearer token, and a server that refuses it is left out with one warning', async () => {
    const { names, tools } = open([config({ token: 'a-token' })]);
    await until(names, allNames);
    expect(new Set(server().requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer a-token']));
    await tools.close();
    server().refuseWith = 401;
    const refused = open([config()]);
    await expect.poll(() => server().requests.length).toBeGreaterThan(10);
    expect(refused.names()).toEqual([]);
    expect(lines).toEqual([{ level: 40, reason: 'unreachable: status 401', msg: expect.stringContaining('goes on') }]);
  });

  test('come once a server is there that was away at first, and go and come with it', async () => {
    await server().stop();
    const { names, run } = open([config()]);
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ reason: 'unreachable: ECONNREFUSED' });
    await server().start();
    await until(names, allNames);
    expect(lines.map(({ msg }) => msg)).toEqual([expect.anything(), 'an MCP server is back, and so are its tools']);
    const late = run('weather_forecast', { city: 'Delft' });
    expect(await late.result).toBe('Sunny in Delft.');
    await server().stop();
    expect(messageOf(await run('weather_forecast', { city: 'Delft' }).result)).toBe(
      'weather can not be reached just now.',
    );
    await until(names, []);
    await server().start();
    await until(names, allNames);
    expect(lines).toHaveLength(4);
  });

  test('go when a server goes that nobody is asking, and come back', async () => {
    const { names } = open([config()]);
    await until(names, allNames);
    await expect.poll(() => server().count('GET')).toBe(1);
    await server().stop();
    await until(names, []);
    await server().start();
    await until(names, allNames);
  });

  test.each([404, 400])('go on in a new session where the server has lost theirs (%s)', async (status) => {
    server().unknownSession = status;
    const { names, run, changes } = open([config()]);
    await until(names, allNames);
    const before = changes();
    await server().forget();
    expect(await run('weather_book', { day: 'Monday' }).result).toBe('Booked Monday.');
    expect(called).toEqual([{ day: 'Monday' }]);
    expect(outcomes).toEqual([['weather', 'book', 'done']]);
    expect([changes(), lines]).toEqual([before, []]);
  });

  test('follow the changes that the server tells of, and stay the same objects where they are the same', async () => {
    const { names, tool } = open([config()]);
    await until(names, allNames);
    await expect.poll(() => server().count('GET')).toBe(1);
    const kept = tool('weather_forecast');
    const added = server().sessions[0]?.registerTool('alarm', {}, async () => said('rain'));
    await until(names, ['weather_alarm', ...allNames]);
    expect(tool('weather_forecast')).toBe(kept);
    added?.remove();
    await until(names, allNames);
  });

  test('end with the call: the session is deleted, and nothing is tried any more', async () => {
    const { names, tools } = open([config()]);
    await until(names, allNames);
    await tools.close();
    expect(server().count('DELETE')).toBe(1);
    expect(server().sessions).toEqual([]);
    const asked = server().requests.length;
    tools.of('concierge');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server().requests).toHaveLength(asked);
  });

  test('end with a call that ends while it is being connected, or while one of them runs', async () => {
    server().refuseWith = 503;
    const away = open([config()]);
    await expect.poll(() => server().requests.length).toBeGreaterThan(1);
    await away.tools.close();
    server().refuseWith = undefined;
    const { names, tools, run } = open([config()]);
    await until(names, allNames);
    const { result } = run('weather_slow');
    await expect.poll(() => called).toEqual(['slow']);
    await tools.close();
    expect(messageOf(await result)).toContain('can not be reached');
  });

  test('are tried no more than so often', async () => {
    server().refuseWith = 503;
    const tools = new CallTools({ servers: [config()], log, onCalled: () => {}, retryPausesMs: [10, 10] });
    onTestFinished(() => tools.close());
    tools.of('concierge');
    await expect.poll(() => server().count('POST')).toBe(3);
    await vi.waitFor(() => new Promise((resolve) => setTimeout(resolve, 100)));
    expect(server().count('POST')).toBe(3);
    // The next agent that may use it asks again.
    server().refuseWith = undefined;
    const { names } = enter(tools, 'concierge');
    await until(names, allNames);
  });

  test('can be looked at without a call', async () => {
    const connection = await McpConnection.open(config());
    expect((await connection.tools()).map(({ name }) => name)).toContain('slow.write');
    await connection.close();
    expect(server().sessions).toEqual([]);
    server().refuseWith = 403;
    await expect(McpConnection.open(config())).rejects.toMatchObject({ kind: 'unreachable', message: 'status 403' });
  });
});
