import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { configCommand } from '../../cli/config.ts';
import type { Environment } from '../../core/config/environment.ts';
import { openaiTranscriptionsStandIn } from '../../sandbox/openai-transcriptions.ts';
import { startSandbox } from '../../sandbox/server.ts';
import { LoopbackMcpServer } from '../support/mcp-server.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';

const secret = 'a-secret-nobody-may-see-of-32-characters';
/** Nothing listens there (RFC 6335 keeps the port for TCP Port Service Multiplexer). */
const nowhere = '127.0.0.1:1';
const livekit = { LIVEKIT_URL: `ws://${nowhere}`, LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: secret };
const data = {
  DATABASE_SERVICE_URL: `postgres://service:${secret}@${nowhere}/parley`,
  ENCRYPTION_KEY: 'ab'.repeat(32),
};
const vendors = { DEEPGRAM_API_KEY: secret, ANTHROPIC_API_KEY: secret, CARTESIA_API_KEY: secret };

async function run(args: string[], env: Environment = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await configCommand(args, { stdin: new PassThrough(), stdout, stderr, env });
  stdout.end();
  stderr.end();
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
}

const check = async (name: string, env: Environment) => {
  const { code, stdout } = await run(['check', name, '--json'], env);
  const { ok, processes, unknown } = JSON.parse(stdout);
  return { code, ok, unknown, ...processes[name], stdout };
};

describe('parley config', () => {
  it('explains itself', async () => {
    for (const option of ['--help', '-h']) {
      expect(await run([option])).toMatchObject({ code: 0, stdout: expect.stringContaining('parley config check') });
    }
  });

  it.each([
    [[], 'which command?'],
    [['show'], 'there is no "config show"'],
    [['check', 'web'], 'there is no process "web"'],
    [['check', 'api', 'jobs'], 'name one process at most'],
    [['check', '--loud'], "Unknown option '--loud'"],
  ])('does not understand %j', async (args, reason) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(reason);
  });

  it('names every fault of every process at once, and tries nothing', async () => {
    const { code, stdout } = await run(['check'], { ...livekit, API_PORT: 'many' });
    expect(code).toBe(1);
    expect(stdout).toContain('api:\n');
    expect(stdout).toContain('  wrong  API_PORT: needs a whole number');
    expect(stdout).toContain('  wrong  DATABASE_URL: is not set');
    expect(stdout).toContain('jobs:\n');
    expect(stdout).toContain('worker:\n');
    expect(stdout).toContain('  wrong  DEEPGRAM_API_KEY: is not set');
    expect(stdout).not.toMatch(/works|fails/);
  });

  it('shows the settings in effect, and no secret', async () => {
    const env = {
      ...livekit,
      ...data,
      SMTP_URL: `smtp://mailer:${secret}@${nowhere}?key=${secret}`,
      MAIL_FROM: 'a@b.test',
    };
    const { settings, stdout } = await check('jobs', env);
    const settingOf = (name: string) => settings.find((setting: { name: string }) => setting.name === name);
    expect(settingOf('LIVEKIT_URL')).toMatchObject({ value: livekit.LIVEKIT_URL, isDefault: false });
    expect(settingOf('LIVEKIT_API_SECRET')).toMatchObject({ value: '********', isDefault: false });
    expect(settingOf('ENCRYPTION_KEY').value).toBe('********');
    expect(settingOf('DATABASE_SERVICE_URL').value).toBe(`postgres://service:********@${nowhere}/parley`);
    expect(settingOf('SMTP_URL').value).toBe(`smtp://mailer:********@${nowhere}?key=********`);
    expect(settingOf('DATABASE_POOL_SIZE')).toMatchObject({ value: '10', isDefault: true });
    expect(settingOf('REDIS_URL')).toMatchObject({ value: null, isDefault: true });
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain(data.ENCRYPTION_KEY);
  });

  it('says of each connection whether it works, without secrets', async () => {
    const env = {
      ...livekit,
      ...data,
      REDIS_URL: `redis://:${secret}@${nowhere}`,
      SMTP_URL: `smtp://${nowhere}`,
      MAIL_FROM: 'a@b.test',
    };
    const { code, ok, connections, stdout } = await check('jobs', env);
    expect([code, ok]).toEqual([1, false]);
    expect(connections).toEqual([
      { name: 'database (DATABASE_SERVICE_URL)', fault: expect.stringContaining('check DATABASE_SERVICE_URL') },
      { name: 'Redis (REDIS_URL)', fault: 'ECONNREFUSED' },
      { name: expect.stringContaining('LiveKit'), fault: expect.stringContaining('can not be asked') },
      { name: 'mail (SMTP_URL)', fault: expect.any(String) },
    ]);
    expect(stdout).not.toContain(secret);
  });

  it('names variables that nothing reads', async () => {
    const env = {
      ...livekit,
      LIVKIT_URL: 'x',
      DATABASE_POOL: '3',
      PATH: '/bin',
      HOME_PAGE: 'x',
      SANDBOX_PORT: '1',
      LIVEKIT_CONFIG: 'x',
      DATABASE_OWNER_URL: 'x',
    };
    const { unknown } = await check('worker', env);
    expect(unknown).toEqual([
      { name: 'LIVKIT_URL', suggestion: 'LIVEKIT_URL' },
      { name: 'DATABASE_POOL', suggestion: null },
    ]);
    const { stdout } = await run(['check', 'worker'], env);
    expect(stdout).toContain('No setting is called LIVKIT_URL: is LIVEKIT_URL meant?');
    expect(stdout).toContain('No setting is called DATABASE_POOL: it changes nothing.');
  });
});

describe('parley config, where a worker finds an API', () => {
  const port = () => (api.address() as AddressInfo).port;
  let api: Server;
  let status = 200;
  beforeAll(async () => {
    api = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => api.close(resolve)));

  it('asks it whether it is ready', async () => {
    const env = { ...livekit, ...vendors, API_URL: `http://127.0.0.1:${port()}` };
    expect((await check('worker', env)).connections[1]).toEqual({ name: 'API (API_URL)', fault: null });
    status = 503;
    expect((await check('worker', env)).connections[1].fault).toBe('/readyz answers 503');
    const { stdout } = await run(['check', 'worker'], env);
    expect(stdout).toContain('  fails  API (API_URL): /readyz answers 503');
    expect(stdout).toMatch(/ {2}AGENT_NAME +parley \(default\)/);
  });

  it('asks the recogniser of recordings for its model', async () => {
    const sandbox = await startSandbox([openaiTranscriptionsStandIn([])]);
    const env = {
      ...livekit,
      ...data,
      DATABASE_URL: data.DATABASE_SERVICE_URL,
      JWT_SECRET: secret,
      OPENAI_API_KEY: secret,
      OPENAI_BASE_URL: `${sandbox.url}/openai/v1`,
    };
    const attempt = async (more: Environment = {}) => {
      const { connections, stdout } = await check('api', { ...env, ...more });
      expect(stdout).not.toContain(secret);
      return connections.at(-1);
    };
    const name = 'OpenAI (OPENAI_API_KEY, OPENAI_BASE_URL, MODEL_ID)';
    expect(await attempt()).toEqual({ name, fault: null });
    expect(await attempt({ MODEL_ID: 'openai/whisper-1' })).toEqual({ name, fault: null });
    expect(await attempt({ MODEL_ID: 'whisper-9' })).toEqual({ name, fault: expect.stringContaining('MODEL_ID') });
    await sandbox.close();
    expect((await attempt()).fault).toContain('does not answer');
    expect((await attempt({ OPENAI_API_KEY: '' })).name).toContain('LiveKit');
  });

  it('asks MCP servers for the tools they are to be used for', async () => {
    const server = await new LoopbackMcpServer((session) => {
      session.registerTool('forecast', {}, async () => ({ content: [] }));
    }).start();
    const env = {
      ...livekit,
      ...vendors,
      API_URL: `http://127.0.0.1:${port()}`,
      PARLEY_MCP_SERVERS: 'weather',
      PARLEY_MCP_WEATHER_URL: server.url,
      PARLEY_MCP_WEATHER_TOKEN: secret,
      PARLEY_MCP_WEATHER_AGENTS: 'concierge',
      PARLEY_MCP_WEATHER_TOOLS: 'forecast',
      PARLEY_MCP_WETHER_URL: 'x',
    };
    const attempt = async (tools = 'forecast') => {
      const { connections, stdout } = await check('worker', { ...env, PARLEY_MCP_WEATHER_TOOLS: tools });
      expect(stdout).not.toContain(secret);
      return connections.at(-1);
    };
    expect(await attempt()).toEqual({ name: 'MCP server weather', fault: null });
    expect(await attempt('*')).toEqual({ name: 'MCP server weather', fault: null });
    expect((await attempt('forecast,hail')).fault).toBe('it has no tool called hail');
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${secret}`);
    expect(server.sessions).toEqual([]);
    server.refuseWith = 401;
    expect((await attempt()).fault).toBe('unreachable: status 401');
    await server.stop();
    expect((await attempt()).fault).toMatch(/^unreachable: [A-Z_]+$/);
    const { settings, unknown } = await check('worker', env);
    const shown = settings.filter(({ name }: { name: string }) => name.startsWith('PARLEY_MCP_WEATHER'));
    expect(shown).toContainEqual({ name: 'PARLEY_MCP_WEATHER_TOKEN', value: '********', isDefault: false });
    expect(shown).toContainEqual({ name: 'PARLEY_MCP_WEATHER_TIMEOUT_MS', value: '8000', isDefault: true });
    expect(unknown).toEqual([{ name: 'PARLEY_MCP_WETHER_URL', suggestion: 'PARLEY_MCP_WEATHER_URL' }]);
  });

  it('takes it for no Redis', async () => {
    const { connections } = await check('jobs', { ...livekit, ...data, REDIS_URL: `redis://127.0.0.1:${port()}` });
    expect(connections[1]).toEqual({ name: 'Redis (REDIS_URL)', fault: expect.any(String) });
  });
});

describe.skipIf(!inject('postgresUrl') || !redisIsInstalled)('parley config, where an API finds what it needs', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  beforeAll(async () => {
    database = await createTestDatabase(inject('postgresUrl') as string);
    redis = await startRedis();
  });
  afterAll(async () => {
    await database.drop();
    await redis.stop();
  });
  const env = (): Environment => ({
    ...livekit,
    ...data,
    JWT_SECRET: secret,
    DATABASE_URL: database.url,
    DATABASE_SERVICE_URL: database.serviceUrl,
    REDIS_URL: redis.url,
  });

  it('uses both logins of the database, and Redis', async () => {
    const { connections } = await check('api', env());
    expect(connections.slice(0, 2)).toEqual([
      { name: 'database (DATABASE_URL, DATABASE_SERVICE_URL)', fault: null },
      { name: 'Redis (REDIS_URL)', fault: null },
    ]);
  });

  it('accepts no login that row-level security would not bind', async () => {
    const { connections } = await check('api', { ...env(), DATABASE_URL: database.ownerUrl });
    expect(connections[0].fault).toMatch(/^DATABASE_URL: .*owns tables/);
  });
});
