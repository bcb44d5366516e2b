import { llm, voice } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeConnections } from './realtime-connection-suite.ts';
import { Loudspeaker, Microphone } from './realtime-devices.ts';
import { type RealtimeHarness, realtimeFixture, secret, tools, user } from './realtime-fixture.ts';
import { silence } from './stt-caller.ts';

/**
 * The contract of the realtime port: what the framework and our agents rely on, whichever model hears and speaks. It runs
 * against the vendor's stand-in on loopback.
 */
export function describeRealtimeContract(name: string, harness: RealtimeHarness): void {
  const lacks = Object.entries(harness.lacks ?? {}).map(([lack, reason]) => `, without ${lack}: ${reason}`);
  describe(`${name}: speech to speech${lacks.join('')}`, async () => {
    const fixture = await realtimeFixture(harness);
    const { models, line, setDelays, create, call, logged, until, connected, needs } = fixture;

    it('hears a line, writes it down, and answers with sound and words', async () => {
      const spoken = line('en-weather');
      const caller = call();
      caller.say(spoken.samples);
      await until(() => expect(caller.texts).toEqual([`I heard: ${spoken.text}.`]));
      await until(() => expect(caller.transcripts).toEqual([spoken.text]));

      expect(caller.speech).toEqual(['started', 'stopped']);
      const [reply] = caller.replies;
      expect(reply).toMatchObject({ userInitiated: false, calls: [] });
      expect(reply?.voicedMs).toBeGreaterThan(500);
      const [completed] = logged('request-completed');
      expect(reply?.audioMs).toBeCloseTo(Number(completed?.audioMs), -1);
      expect(caller.finals[0]?.turnStartedAt ?? Date.now()).toBeLessThan(Date.now());
      await until(() => {
        const messages = caller.session.chatCtx.items.filter((item) => item.type === 'message');
        expect(messages.map(({ id, role, rawTextContent }) => [id, role, rawTextContent])).toEqual([
          [caller.finals[0]?.itemId, 'user', spoken.text],
          [reply?.messageIds[0], 'assistant', `I heard: ${spoken.text}.`],
        ]);
      });
      expect(caller.errors).toEqual([]);
    });

    needs('interimTranscripts', 'tells the words of a turn as they become known', async () => {
      const spoken = line('en-set-up');
      const caller = call();
      caller.say(spoken.samples);
      await until(() => expect(caller.transcripts).toEqual([spoken.text]));
      expect(caller.interims.length).toBeGreaterThan(1);
      for (const { transcript, itemId } of caller.interims) {
        expect(spoken.text.startsWith(transcript)).toBe(true);
        expect(itemId).toBe(caller.finals[0]?.itemId);
      }
    });

    it('hears one turn after another on one connection', async () => {
      const [first, second] = [line('en-name'), line('nl-dental')];
      const caller = call();
      caller.say(first.samples);
      await until(() => expect(caller.texts).toHaveLength(1));
      caller.say(second.samples);
      await until(() => expect(caller.texts).toHaveLength(2));
      await until(() => expect(caller.transcripts).toEqual([first.text, second.text]));
      expect(logged('connection-opened')).toHaveLength(1);
    });

    it('answers what was typed, when it is asked to', async () => {
      const caller = call();
      await caller.add(user(`good morning ${secret}`));
      const generation = await caller.session.generateReply();
      expect(generation.userInitiated).toBe(true);
      await until(() => expect(caller.texts).toEqual([`I heard: good morning ${secret}.`]));
      expect(caller.replies[0]?.voicedMs).toBeGreaterThan(0);
      expect(caller.errors).toEqual([]);
    });

    it('follows instructions for one reply', async () => {
      const caller = call();
      await caller.session.updateInstructions('You are friendly.');
      await caller.session.generateReply('Say: "Good evening, all of you."');
      await until(() => expect(caller.texts).toEqual(['Good evening, all of you.']));
    });

    it('knows the conversation it begins with', async () => {
      const caller = call();
      await caller.session.updateTools(tools);
      await caller.session.updateChatCtx(
        new llm.ChatContext([
          llm.ChatMessage.create({ role: 'assistant', content: 'Hello. What shall I call you?' }),
          llm.FunctionCall.create({ id: 'orphan/fnc_0', callId: 'call_lost', name: 'get_profile', args: '{}' }),
          user('Please call me Robin.'),
        ]),
      );
      await caller.session.generateReply();
      await until(() => expect(caller.replies[0]?.isOver).toBe(true));
      expect(caller.replies[0]?.calls.map((made) => [made.name, JSON.parse(made.args)])).toEqual([
        ['save_onboarding_step', { step: 'preferred_name', answer: 'Robin' }],
      ]);
    });

    it('calls a tool and answers with what came of it', async () => {
      const caller = call();
      await caller.session.updateTools(tools);
      await caller.add(user('use the tool get_profile'));
      await caller.session.generateReply();
      await until(() => expect(caller.replies[0]?.isOver).toBe(true));
      const [made] = caller.replies[0]?.calls ?? [];
      expect(made).toMatchObject({ name: 'get_profile', args: '{}' });

      const output = JSON.stringify({ preferredName: 'Robin' });
      const callId = made?.callId ?? '';
      await caller.add(llm.FunctionCallOutput.create({ callId, name: 'get_profile', output, isError: false }));
      if (!models[0]?.capabilities.autoToolReplyGeneration) await caller.session.generateReply();
      await until(() => expect(caller.texts[1]).toBe('I know that your name is Robin.'));
      expect(caller.replies).toHaveLength(2);
      expect(caller.errors).toEqual([]);
    });

    needs('toolsUpdate', 'calls only tools it has at the time', async () => {
      const caller = call();
      await connected();
      await caller.session.updateTools(tools);
      expect(Object.keys(caller.session.tools.functionTools)).toContain('get_profile');
      await caller.session.updateTools(new llm.ToolContext([]));
      await caller.add(user('use the tool get_profile'));
      await caller.session.generateReply();
      await until(() => expect(caller.texts).toEqual(['I heard: use the tool get_profile.']));
    });

    needs('usage', 'tells what a reply cost', async () => {
      const caller = call();
      await caller.add(user('good morning'));
      await caller.session.generateReply();
      await until(() => expect(caller.metrics).toHaveLength(1));
      const [cost] = caller.metrics;
      expect(cost).toMatchObject({ type: 'realtime_model_metrics', cancelled: false });
      expect(cost?.requestId).toBe(caller.replies[0]?.responseId);
      expect(cost?.inputTokens).toBeGreaterThan(0);
      expect(cost?.outputTokens).toBeGreaterThan(0);
      expect(cost?.totalTokens).toBe((cost?.inputTokens ?? 0) + (cost?.outputTokens ?? 0));
      expect(cost?.ttftMs).toBeGreaterThan(0);
      expect(cost?.durationMs).toBeGreaterThanOrEqual(cost?.ttftMs ?? 0);
      expect(cost?.metadata?.modelName).toBe(models[0]?.model);
    });

    it('stops at once when it is interrupted, and goes on with the next reply', async () => {
      const caller = call();
      await caller.add(user('tell me a long story'));
      await caller.session.generateReply();
      await until(() => expect(caller.replies[0]?.audioMs).toBeGreaterThan(300));
      const interruptedAt = performance.timeOrigin + performance.now();
      await caller.session.interrupt();
      await until(() => expect(caller.replies[0]?.isOver).toBe(true));
      expect((caller.replies[0]?.overAtMs ?? 0) - interruptedAt).toBeLessThan(200);
      await until(() => expect(logged('request-closed')).toHaveLength(1));
      expect(Number(logged('request-closed')[0]?.atMs) - interruptedAt).toBeLessThan(200);

      const text = caller.replies[0]?.text;
      await caller.add(user('what can you do'));
      await caller.session.generateReply();
      await until(() => expect(caller.texts[1]).toMatch(/^I can talk with you/));
      expect(caller.replies[0]?.text).toBe(text);
      expect(caller.errors).toEqual([]);
    });

    it('is interrupted by who speaks', async () => {
      const caller = call();
      await caller.add(user('tell me a long story'));
      await caller.session.generateReply();
      await until(() => expect(caller.replies[0]?.audioMs).toBeGreaterThan(300));
      caller.push(line('en-hold-on').samples);
      await until(() => expect(caller.speech).toEqual(['started']));
      await caller.session.interrupt();
      await until(() => expect(caller.replies[0]?.isOver).toBe(true));
      caller.say(new Int16Array(0));
      await until(() => expect(caller.texts).toHaveLength(2));
      expect(caller.texts[1]).toBe('Of course, take your time.');
      expect(logged('request-closed')).toHaveLength(1);
      expect(caller.errors).toEqual([]);
    });

    needs('truncation', 'forgets what of its words was not heard', async () => {
      const caller = call();
      await caller.add(user('tell me a long story'));
      await caller.session.generateReply();
      await until(() => expect(caller.replies[0]?.audioMs).toBeGreaterThan(500));
      await caller.session.interrupt();
      const messageId = caller.replies[0]?.messageIds[0] ?? '';
      await caller.session.truncate({
        messageId,
        audioEndMs: 400,
        modalities: ['audio', 'text'],
        audioTranscript: 'Once upon',
      });
      await until(() => expect(logged('item-truncated')).toMatchObject([{ audioEndMs: 400 }]));
      const item = caller.session.chatCtx.items.find(({ id }) => id === messageId);
      expect(item?.type === 'message' && item.rawTextContent).toBe('Once upon');
      expect(caller.errors).toEqual([]);
    });

    it('gives up a reply that is not wanted any more before it begins', async () => {
      setDelays({ llmFirstTokenMs: 5_000 });
      const caller = call();
      await caller.add(user('good morning'));
      const unwanted = new AbortController();
      const reply = caller.session.generateReply(undefined, { signal: unwanted.signal });
      await until(() => expect(logged('request-received')).toHaveLength(1));
      unwanted.abort();
      await reply.catch(() => {});
      await until(() => expect(logged('request-closed')).toHaveLength(1));
      setDelays({ llmFirstTokenMs: 60 });
      await caller.session.generateReply();
      await until(() => expect(caller.texts.at(-1)).toBe('I heard: good morning.'));
    });

    needs('manualTurns', 'takes turns that the caller ends', async () => {
      const spoken = line('en-goal');
      const caller = call({ turns: 'manual' });
      expect(models[0]?.capabilities.turnDetection).toBe(false);
      caller.push(line('en-name').samples);
      await caller.session.clearAudio();
      caller.say(spoken.samples);
      await caller.session.commitAudio();
      await caller.session.generateReply();
      await until(() => expect(caller.texts).toHaveLength(1));
      await until(() => expect(caller.transcripts).toEqual([spoken.text]));
      expect(caller.replies[0]?.userInitiated).toBe(true);
    });

    it('serves a session of the framework: tools, speech, and somebody who interrupts', async () => {
      const said: string[] = [];
      const problems: unknown[] = [];
      const saved: string[] = [];
      const microphone = new Microphone();
      const loudspeaker = new Loudspeaker();
      const session = new voice.AgentSession({ llm: create(), vad: null, userAwayTimeout: null });
      session.input.audio = microphone;
      session.output.audio = loudspeaker;
      session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
        if (item.type === 'message') said.push(`${item.role}: ${item.rawTextContent}`);
      });
      session.on(voice.AgentSessionEventTypes.Error, ({ error }) => problems.push(error));
      const save = llm.tool({
        name: 'save_onboarding_step',
        description: 'Saves one answer.\npreferred_name: What shall I call you?\ngoal: What is your goal?',
        parameters: z.object({ step: z.string(), answer: z.string() }),
        execute: async ({ answer }) => {
          saved.push(answer);
          return { next: { question: 'What is your goal?' } };
        },
      });
      const agent = new voice.Agent({ instructions: 'You are friendly.', tools: [save] });
      try {
        await session.start({ agent, record: false });
        await session.generateReply({ instructions: 'Say: "Hello. What shall I call you?"' }).waitForPlayout();
        expect(said).toEqual(['assistant: Hello. What shall I call you?']);

        microphone.hear(line('en-name').samples);
        microphone.hear(silence(1_000));
        await until(() => expect(saved).toEqual(['Robin']));
        await until(() => expect(said.at(-1)).toBe('assistant: Thank you, Robin. What is your goal?'));
        expect(said[1]).toBe(`user: ${line('en-name').text}`);

        void session.generateReply({ userInput: 'tell me a long story please, can you' });
        const played = loudspeaker.playedMs.length;
        await until(() => expect(session.agentState).toBe('speaking'));
        await until(() => expect(logged('first-audio-sent').length).toBeGreaterThan(played));
        microphone.hear(line('en-hold-on').samples);
        await until(() => expect(loudspeaker.playedMs.length).toBe(played + 1));
        microphone.hear(silence(1_000));
        await until(() => expect(said.at(-1)).toBe('assistant: Of course, take your time.'));
        if (!harness.lacks?.truncation) expect(logged('item-truncated')).toHaveLength(1);
        expect(problems).toEqual([]);
      } finally {
        await session.close();
      }
    });

    describeConnections(fixture);
  });
}
