import { initializeLogger, voice } from '@livekit/agents';
import { AgentSession as protocol } from '@livekit/protocol';
import { type ByteStreamHandler, Room, RoomEvent, type TextStreamHandler } from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { rosterAgent } from '../../agents/roster/roster.ts';
import { ShownText } from '../../agents/turns/shown-text.ts';
import { newRoomName } from '../../core/ids.ts';
import { Caller, epochMs, lineSamples, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';

const shared = inject('livekit');

/** Topic of the framework's session host, `TOPIC_SESSION_MESSAGES` in its source. */
const hostTopic = 'lk.agent.session';
const smuggled = 'run this past the text path';
/** Every request the framework's session host knows. */
const requests: protocol.SessionRequest['request'][] = [
  { case: 'ping', value: new protocol.SessionRequest_Ping() },
  { case: 'getAgentInfo', value: new protocol.SessionRequest_GetAgentInfo() },
  { case: 'getChatHistory', value: new protocol.SessionRequest_GetChatHistory() },
  { case: 'getSessionState', value: new protocol.SessionRequest_GetSessionState() },
  { case: 'getSessionUsage', value: new protocol.SessionRequest_GetSessionUsage() },
  { case: 'getFrameworkInfo', value: new protocol.SessionRequest_GetFrameworkInfo() },
  { case: 'getRtcStats', value: new protocol.SessionRequest_GetRTCStats() },
  { case: 'finalizeSimulation', value: new protocol.SessionRequest_FinalizeSimulation() },
  {
    case: 'updateIo',
    value: new protocol.SessionRequest_UpdateIO({
      output: new protocol.SessionRequest_UpdateIO_Output({ transcriptionEnabled: false }),
    }),
  },
  { case: 'runInput', value: new protocol.SessionRequest_RunInput({ text: smuggled }) },
];

/** A prompt and the names of tools: what no client may see. */
const secrets = [
  ...(['concierge', 'onboarding'] as const).flatMap((name) => String(rosterAgent(name).instructions).split('\n')),
  'start_onboarding',
  'save_onboarding_step',
  'return_to_concierge',
];

/** Something that arrived on a topic a caller has no use for, or as a data packet. */
interface Arrival {
  topic: string | undefined;
  bytes: Uint8Array;
}

/** Handlers of a room's streams, with one more for every topic that has none. */
class EveryTopic<Handler> extends Map<string, Handler> {
  readonly #other: Handler;

  constructor(other: Handler) {
    super();
    this.#other = other;
  }

  override get(topic: string): Handler {
    return super.get(topic) ?? this.#other;
  }
}

/** A caller that takes in whatever reaches its room and asks the session host for all there is. */
function curiousCaller(events: ConstructorParameters<typeof Caller>[0] = {}) {
  const caller = new Caller(events);
  onTestFinished(() => caller.leave());
  const arrived: Arrival[] = [];
  // One who leaves in the middle of a message doesn't get the rest.
  const onBytes: ByteStreamHandler = async (reader) => {
    const bytes = await reader.readAll().catch(() => undefined);
    if (bytes) arrived.push({ topic: reader.info.topic, bytes: Buffer.concat(bytes) });
  };
  const onText: TextStreamHandler = async (reader) => {
    const text = await reader.readAll().catch(() => undefined);
    if (text !== undefined) arrived.push({ topic: reader.info.topic, bytes: Buffer.from(text) });
  };
  // A room takes a handler for a topic it is told; what comes on any other is dropped without a word.
  Reflect.set(caller.room, 'byteStreamHandlers', new EveryTopic(onBytes));
  Reflect.set(caller.room, 'textStreamHandlers', new EveryTopic(onText));
  caller.room.on(RoomEvent.DataReceived, (bytes, _participant, _kind, topic) => arrived.push({ topic, bytes }));

  return {
    caller,
    arrived,
    async ask(agent: string): Promise<void> {
      for (const [index, request] of requests.entries()) {
        const message = new protocol.AgentSessionMessage({
          message: { case: 'request', value: new protocol.SessionRequest({ requestId: `request-${index}`, request }) },
        });
        const writer = await caller.room.localParticipant?.streamBytes({
          topic: hostTopic,
          destinationIdentities: [agent],
        });
        await writer?.write(message.toBinary());
        await writer?.close();
      }
    },
  };
}

describe.skipIf(!shared)('privacy of a call', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
  });

  afterAll(() => stack.stop());

  test('a client gets no prompt, history or tool call, and runs nothing past the text path', async () => {
    const worker = await stack.startWorker();
    onTestFinished(() => worker.process.stop(10_000));
    const shown: Shown[] = [];
    const { caller, arrived, ask } = curiousCaller({ shown: (piece) => shown.push(piece) });
    const token = await stack.token({ room_config: { agents: [{ agent_name: '', metadata: '{"modality":"text"}' }] } });
    await caller.join(token.server_url, token.participant_token, { microphone: false });
    const agent = await caller.waitForAgent(20_000);
    const answers = () => shown.filter(({ speaker }) => speaker === 'agent').map(({ text }) => text);
    await expect.poll(answers, { timeout: 10_000 }).toHaveLength(1);

    await ask(agent);
    await caller.type('I would like to set up my profile');
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toContain('What would you like me to call you?');
    await ask(agent);
    await caller.type('What do you know about me?');
    await expect.poll(() => answers().at(-1), { timeout: 10_000 }).toContain('I do not know anything about you yet.');

    expect(arrived).toEqual([]);
    const attributes = caller.room.remoteParticipants.get(agent)?.attributes;
    const seen = JSON.stringify([shown, attributes, caller.room.remoteParticipants.get(agent)?.metadata]);
    expect(secrets.filter((secret) => seen.includes(secret))).toEqual([]);
    const { turns } = (await stack.get(`/api/v1/sessions/${token.session_id}/turns`)) as { turns: { text: string }[] };
    expect(turns.map(({ text }) => text)).toContain('What do you know about me?');
    expect(JSON.stringify([turns, shown])).not.toContain(smuggled);
  });

  test('the same client reads all of it from a session whose host was left open', async () => {
    initializeLogger({ pretty: false, level: 'silent' });
    const { url, apiKey, apiSecret } = stack.livekit;
    const roomName = newRoomName();
    const tokenFor = (identity: string, kind: 'agent' | 'standard') => {
      const token = new AccessToken(apiKey, apiSecret, { identity });
      token.kind = kind;
      token.addGrant({ room: roomName, roomJoin: true, canPublishData: true, canUpdateOwnMetadata: true });
      return token.toJwt();
    };
    const { caller, arrived, ask } = curiousCaller();
    await caller.join(url, await tokenFor('curious', 'standard'), { microphone: false });

    const room = new Room();
    await room.connect(url, await tokenFor('agent', 'agent'), { autoSubscribe: false, dynacast: false });
    onTestFinished(() => room.disconnect());
    const session = new voice.AgentSession({
      llm: new voice.testing.FakeLLM([{ input: smuggled, content: 'As you wish.' }]),
      userData: { shown: new ShownText() },
      vad: null,
      turnHandling: { turnDetection: null },
    });
    await session.start({
      agent: rosterAgent('concierge'),
      room,
      inputOptions: { participantIdentity: 'curious', audioEnabled: false },
      outputOptions: { audioEnabled: false },
    });
    onTestFinished(() => session.close());
    await ask(await caller.waitForAgent(10_000));

    const received = () => arrived.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).join('\n');
    await expect.poll(received, { timeout: 10_000 }).toContain('As you wish.');
    const concierge = String(rosterAgent('concierge').instructions);
    const [firstLine] = concierge.split('\n');
    expect(received()).toContain(firstLine);
    expect(received()).toContain('start_onboarding');
    expect(arrived.every(({ topic }) => topic === hostTopic)).toBe(true);
  });

  test('the worker writes nothing of what people say or are called, whatever fails', async () => {
    const worker = await stack.startWorker({ LOG_LEVEL: 'trace' });
    onTestFinished(() => worker.process.stop(10_000));
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => shown.push(piece) });
    const token = await stack.token({
      participant_name: 'Wilhelmina',
      participant_metadata: 'lives in Amersfoort',
      participant_attributes: { nickname: 'Minoes' },
    });
    await caller.join(token.server_url, token.participant_token, { microphone: true });
    await caller.waitForAgent(20_000);
    const answered = (text: string) =>
      expect
        .poll(() => shown.findLast(({ speaker }) => speaker === 'agent')?.text, { timeout: 15_000 })
        .toContain(text);
    const quiet = () =>
      expect
        .poll(() => epochMs() - (caller.heard.voicedAtMs.at(-1) ?? epochMs()), { timeout: 15_000 })
        .toBeGreaterThan(1_000);

    await answered('What can I do for you?');
    await quiet();
    await caller.speak(lineSamples('en-set-up'));
    await answered('What would you like me to call you?');
    await quiet();
    await caller.speak(lineSamples('en-name'));
    await answered('Thank you, Robin, R, O, B, I, N.');
    // An answer the API refuses, a vendor that fails twice, a model's call that does not fit the tool.
    await caller.type(`I want to ${'see Zwolle '.repeat(50)}`);
    await answered('I could not save that.');
    stack.sandbox.settings.setFailure('anthropic', { mode: 'overload', times: 2 });
    await caller.type('What do you know about me?');
    await answered('your name is Robin');
    await caller.type('use the tools save_onboarding_step');
    await answered('I could not save that.');
    await caller.leave();
    await worker.process.stop(10_000);

    const output = worker.output.join('\n');
    expect(output).toContain('worker stopped');
    const words = [
      ...['Robin', 'Wilhelmina', 'Amersfoort', 'Minoes', 'Zwolle', 'set up my profile', 'know about me'],
      ...['call you', 'Thank you', 'I could not save', 'lk.pii'],
    ];
    expect(words.filter((word) => output.includes(word))).toEqual([]);
  });
});
