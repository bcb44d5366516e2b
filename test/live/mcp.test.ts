import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Recovery, recoverySchema, topics } from '../../domain/conversation.ts';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, type LiveWorker, startLiveStack } from '../support/live-stack.ts';
import { LoopbackMcpServer } from '../support/mcp-server.ts';
import { onMessage } from '../support/room-messages.ts';
import { patience } from '../support/voice-call.ts';

const greeting = 'Hello, this is Parley. What can I do for you?';

describe.skipIf(!inject('livekit'))('an agent with tools of an MCP server', () => {
  const called: string[] = [];
  let server: LoopbackMcpServer;
  let stack: LiveStack;
  let worker: LiveWorker;

  beforeAll(async () => {
    server = await new LoopbackMcpServer((session) => {
      const readOnly = { annotations: { readOnlyHint: true } };
      const tool = (name: string, ms: number) =>
        session.registerTool(name, { description: `Does ${name}.`, ...readOnly }, async () => {
          called.push(name);
          await sleep(ms);
          return { content: [{ type: 'text', text: 'words of the server' }] };
        });
      tool('forecast', 0);
      tool('slow', 4_000);
      tool('hidden', 0);
      session.registerTool('book', {}, async () => {
        called.push('book');
        throw new Error('words of the server');
      });
    }).start();
    stack = await startLiveStack();
    worker = await stack.startWorker({
      PARLEY_MCP_SERVERS: 'weather',
      PARLEY_MCP_WEATHER_URL: server.url,
      PARLEY_MCP_WEATHER_AGENTS: 'concierge',
      PARLEY_MCP_WEATHER_TOOLS: 'forecast,slow,book',
      FILLER_AFTER_MS: '1000',
      APOLOGY_AFTER_MS: '3000',
    });
  });

  afterAll(async () => {
    await stack.stop();
    await server.stop();
  });

  async function call(modality: 'text' | 'voice') {
    const agents = [{ agent_name: '', metadata: JSON.stringify({ modality }) }];
    const { server_url, participant_token } = await stack.token({ room_config: { agents } });
    const shown: Shown[] = [];
    const recoveries: Recovery['kind'][] = [];
    const caller = new Caller({
      shown: (piece) => void (piece.speaker === 'agent' && shown.push(piece)),
    });
    onMessage(caller.room, topics.recovery, (message) => {
      recoveries.push(recoverySchema.parse(JSON.parse(message)).kind);
    });
    onTestFinished(() => caller.leave());
    await caller.join(server_url, participant_token, { microphone: modality === 'voice' });
    await caller.waitForAgent(patience.timeout);
    const answers = () => shown.map(({ text }) => text.trim());
    const ask = async (question: string, words: string) => {
      const before = answers().length;
      await caller.type(question);
      await expect.poll(() => answers().slice(before), patience).toEqual([words]);
    };
    await expect.poll(() => answers().at(-1), patience).toBe(greeting);
    await expect.poll(() => server.sessions.length, patience).toBe(1);
    // The session is there before its list of tools has come back.
    await sleep(1_000);
    return { caller, recoveries, answers, ask };
  }

  test('calls those that it is allowed; others, and other agents, are without', async () => {
    called.length = 0;
    const { caller, ask } = await call('text');
    await ask('use the tool weather_forecast', 'Done.');
    await ask('use the tool weather_book', 'Done.');
    expect(called).toEqual(['forecast', 'book']);
    await ask('use the tool weather_hidden', 'I heard: use the tool weather_hidden.');
    await ask('I need a speaking coach', "Let's practise. What would you like to speak about, and to whom?");
    await ask('use the tool weather_forecast', 'I heard: use the tool weather_forecast.');
    await ask('I am done here', 'What else can I do for you?');
    await ask('use the tool weather_forecast', 'Done.');
    expect(called).toEqual(['forecast', 'book', 'forecast']);
    expect(server.sessions).toHaveLength(1);
    await caller.leave();
    await expect.poll(() => server.sessions, patience).toEqual([]);
    expect(worker.output.join('\n')).not.toContain('words of the server');
  });

  test('says that it takes a while when a tool is slow, and answers instead of apologising', async () => {
    called.length = 0;
    const { caller, recoveries, answers, ask } = await call('voice');
    await ask('use the tool weather_slow', 'Done.');
    expect(called).toEqual(['slow']);
    expect(recoveries).toEqual(['filler']);
    expect(answers()).toEqual([greeting, 'Done.']);
    await caller.leave();
    await expect.poll(() => server.sessions, patience).toEqual([]);
  });
});
