import { describe, expect, inject, onTestFinished, test } from 'vitest';
import type { TokenResponse } from '../../domain/token.ts';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { expectNothingLeft, type Program, programsAreVisible, runProgram } from '../support/programs.ts';

const shared = inject('livekit');
const demo = 'dist/scripts/demo.js';
const parley = 'cli/parley.js';

/** The one line of `demo --keep --json`. */
interface Addresses {
  apiUrl: string;
  livekitUrl: string;
  agentName: string;
  developmentToken: string;
  sandboxUrl: string;
}

describe.skipIf(!shared || !programsAreVisible)('demo --keep --json', () => {
  test('prints one line that is enough to hold a call, and Ctrl-C during the call leaves nothing', async () => {
    const program = await runProgram(demo, ['--keep', '--json']);
    const addresses = await addressesOf(program);
    await expectAnswer(addresses);
    await expectProblems(addresses);
    program.signalGroup('SIGINT');
    expect(await program.ended).toBe(0);
    await expectNothingServed(program, addresses);
    expect(await program.files()).toEqual([]);
    expect(program.stdout().trimEnd().split('\n')).toHaveLength(1);
  });

  test('leaves nothing when it is killed, and ends with the parley command that runs it', async () => {
    const endings = [
      { file: demo, args: [], signal: 'SIGKILL', end: 'SIGKILL' },
      { file: parley, args: ['demo'], signal: 'SIGKILL', end: 'SIGKILL' },
      { file: parley, args: ['demo'], signal: 'SIGTERM', end: 0 },
    ] as const;
    const results = await Promise.all(
      endings.map(async ({ file, args, signal }) => {
        const program = await runProgram(file, [...args, '--keep', '--json']);
        const addresses = await addressesOf(program);
        process.kill(program.pid, signal);
        await expectNothingServed(program, addresses);
        return { end: await program.ended, files: await program.files() };
      }),
    );
    expect(results.map(({ end }) => end)).toEqual(endings.map(({ end }) => end));
    // Only who is killed can't tidy up.
    expect(results.slice(1).map(({ files }) => files)).toEqual([[], []]);
  });

  test('leaves nothing when it is stopped while it starts', async () => {
    const program = await runProgram(demo, ['--keep', '--json']);
    await expect.poll(async () => (await program.left()).length, { timeout: 20_000 }).toBeGreaterThan(1);
    program.signalGroup('SIGINT');
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
    expect(program.stdout()).toBe('');
  });
});

describe.skipIf(!shared || !programsAreVisible)('demo', () => {
  test('shows its options', async () => {
    const program = await runProgram(demo, ['--help']);
    expect(await program.ended).toBe(0);
    expect(program.stdout()).toMatch(/--scenario .*--text .*--keep .*--json .*--data-dir /s);
    expect(program.stderr()).toBe('');
  });

  test('has a phone dictate into a note that the paired computer shows', async () => {
    const program = await runProgram(demo, ['--scenario', 'dictation', '--json']);
    expect(await program.ended, program.stderr()).toBe(0);
    const figures = JSON.parse(program.stdout()) as { failures: string[]; sentences: { noteMs: number }[] };
    expect(figures.failures).toEqual([]);
    expect(figures.sentences).toHaveLength(6);
    expect(program.stderr()).toContain('edit  zevenentwintig -> 27 (tooth)');
    await expectNothingLeft(program);
  });

  test('refuses a scenario it does not know, and to dictate without a microphone', async () => {
    const wrong = [
      { options: ['--scenario', 'chat'], message: /--scenario: is one of conversation, dictation, not chat/ },
      { options: ['--scenario', 'dictation', '--text'], message: /--text: is for the conversation/ },
    ];
    for (const { options, message } of wrong) {
      const program = await runProgram(demo, options);
      expect(await program.ended).toBe(1);
      expect(program.stderr()).toMatch(message);
    }
  });

  test('runs twice at once, on its own and as a command of parley', async () => {
    const programs = await Promise.all([
      runProgram(demo, ['--text', '--json']),
      runProgram(parley, ['demo', '--text', '--json']),
    ]);
    for (const program of programs) {
      expect(await program.ended, program.stderr()).toBe(0);
      const { failures, turns } = JSON.parse(program.stdout()) as { failures: string[]; turns: unknown[] };
      expect(failures).toEqual([]);
      expect(turns).toHaveLength(5);
      await expectNothingLeft(program);
    }
  });
});

async function addressesOf(program: Program): Promise<Addresses> {
  await expect.poll(() => program.stdout(), { timeout: 60_000 }).toMatch(/\n$/);
  const addresses = JSON.parse(program.stdout()) as Addresses;
  expect(Object.keys(addresses)).toEqual(['apiUrl', 'livekitUrl', 'agentName', 'developmentToken', 'sandboxUrl']);
  return addresses;
}

function requestToken({ apiUrl, developmentToken }: Addresses, body: string): Promise<Response> {
  return fetch(`${apiUrl}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${developmentToken}`, 'content-type': 'application/json' },
    body,
  });
}

/** Joins as the addresses say, types, and leaves the call running. */
async function expectAnswer(addresses: Addresses): Promise<void> {
  const agents = [{ agent_name: addresses.agentName, metadata: '{"modality":"text"}' }];
  const response = await requestToken(addresses, JSON.stringify({ room_config: { agents } }));
  const { server_url, participant_token } = (await response.json()) as TokenResponse;
  expect(server_url).toBe(addresses.livekitUrl);
  const answers: Shown[] = [];
  const caller = new Caller({ shown: (piece) => answers.push(piece) });
  onTestFinished(() => caller.leave());
  await caller.join(server_url, participant_token, { microphone: false });
  await caller.waitForAgent(20_000);
  await caller.type('I would like to set up my profile');
  await expect.poll(() => answers.map(({ text }) => text).join(), { timeout: 20_000 }).toContain('What would you like');
}

/** Requests a client may get wrong are answered with what is wrong. */
async function expectProblems(addresses: Addresses): Promise<void> {
  const unknownAgent = await requestToken(addresses, '{"room_config":{"agents":[{"agent_name":"nobody"}]}}');
  expect(unknownAgent.status).toBe(400);
  expect(await unknownAgent.json()).toMatchObject({
    code: 'invalid_input',
    errors: [{ field: 'room_config.agents.0.agent_name', message: `is not one of: ${addresses.agentName}` }],
  });
  const malformed = await requestToken(addresses, '{"room_name": ');
  expect(malformed.status).toBe(400);
  expect(await malformed.json()).toMatchObject({ code: 'invalid_input', detail: expect.stringContaining('JSON') });
}

async function expectNothingServed(program: Program, { apiUrl, livekitUrl, sandboxUrl }: Addresses): Promise<void> {
  await expectNothingLeft(program);
  for (const url of [apiUrl, livekitUrl.replace('ws', 'http'), sandboxUrl]) {
    await expect(fetch(url), url).rejects.toThrow();
  }
}
