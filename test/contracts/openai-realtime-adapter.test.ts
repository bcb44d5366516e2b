import { APIConnectionError, APIStatusError, initializeLogger, llm } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { OpenAIRealtimeModel } from '../../providers/realtime/openai.ts';
import { type RealtimeEvent, ScriptedServer } from './openai-realtime-server.ts';
import { RealtimeCaller } from './realtime-caller.ts';

initializeLogger({ pretty: false, level: 'silent' });

const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 20 });

describe('OpenAI Realtime adapter', () => {
  let server: ScriptedServer;
  let model: OpenAIRealtimeModel;
  let caller: RealtimeCaller;
  const call = (options: Partial<ConstructorParameters<typeof OpenAIRealtimeModel>[0]> = {}) => {
    const settings = { apiKey: 'a-key', baseUrl: server.url, model: 'gpt-realtime', voice: 'marin' };
    model = new OpenAIRealtimeModel({ ...settings, retryIntervalMs: 50, ...options });
    caller = new RealtimeCaller(model);
  };
  const metadataOf = (event: RealtimeEvent) =>
    z.object({ response: z.object({ metadata: z.unknown() }) }).parse(event).response.metadata;

  beforeEach(async () => {
    server = await new ScriptedServer().listening();
  });
  afterEach(async () => {
    await model.close();
    await server.close();
  });

  it('sets the session up with what it was made with', async () => {
    const turnDetection = { mode: 'silence', silenceMs: 300, prefixPaddingMs: 200, threshold: 0.6 } as const;
    call({ language: 'nl-NL', speed: 1.1, turnDetection });
    await caller.session.updateInstructions('You are friendly.');
    await until(() => expect(server.of('session.update').length).toBeGreaterThan(0));
    const format = { type: 'audio/pcm', rate: 24_000 };
    expect(server.of('session.update')[0]?.session).toMatchObject({
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: 'You are friendly.',
      audio: {
        input: {
          format,
          transcription: { model: 'gpt-4o-mini-transcribe', language: 'nl' },
          turn_detection: {
            type: 'server_vad',
            create_response: true,
            interrupt_response: true,
            silence_duration_ms: 300,
            prefix_padding_ms: 200,
            threshold: 0.6,
          },
        },
        output: { format, voice: 'marin', speed: 1.1 },
      },
      tools: [],
      tool_choice: 'auto',
    });
  });

  it('finds turns by their meaning, or leaves them to the caller', async () => {
    call({ turnDetection: { mode: 'meaning', eagerness: 'high' } });
    const detection = () => server.of('session.update').map(({ session }) => JSON.stringify(session));
    await until(() => expect(detection()[0]).toContain('"type":"semantic_vad"'));
    await model.close();
    call({ turnDetection: null });
    await until(() => expect(detection()[1]).toContain('"turn_detection":null'));
    expect(model.capabilities.turnDetection).toBe(false);
  });

  it('changes no more of the conversation than differs, in ids that the API takes', async () => {
    call();
    await until(() => expect(server.connections).toBe(1));
    const message = (id: string, content: string) => llm.ChatMessage.create({ id, role: 'user', content });
    const made = { id: 'a-very-long-response-identifier/fnc_0', callId: 'call_1', name: 'look', args: '{}' };
    const output = llm.FunctionCallOutput.create({ id: 'out', callId: 'call_1', output: '1', isError: false });
    const lost = llm.FunctionCallOutput.create({ id: 'lost', callId: 'call_0', output: '0', isError: false });
    const update = (...items: llm.ChatItem[]) => caller.session.updateChatCtx(new llm.ChatContext(items));
    await update(message('one', 'first'), llm.FunctionCall.create(made), output, lost, message('two', 'second'));
    const created = () =>
      server
        .of('conversation.item.create')
        .map(({ item, previous_item_id: previous }) => ({ ...(item as object), previous }));
    expect(created()).toMatchObject([
      { id: 'one', previous: 'root', role: 'user', content: [{ type: 'input_text', text: 'first' }] },
      { id: expect.stringMatching(/^item_\w{24}$/), previous: 'one', call_id: 'call_1', name: 'look', arguments: '{}' },
      { id: 'out', call_id: 'call_1', output: '1' },
      { id: 'two', previous: 'out' },
    ]);
    const callItem = String((created()[1] as { id?: string }).id);

    await update(message('one', 'first, but better'), message('between', 'new'), message('two', 'second'));
    expect(server.of('conversation.item.delete').map(({ item_id }) => item_id)).toEqual([callItem, 'out', 'one']);
    expect(created().slice(4)).toMatchObject([
      { id: 'one', previous: 'root', content: [{ text: 'first, but better' }] },
      { id: 'between', previous: 'one' },
    ]);
    expect(caller.session.chatCtx.items.map(({ id }) => id)).toEqual(['one', 'between', 'two']);
  });

  it('rejects a change that the server refuses, without its words', async () => {
    call();
    await until(() => expect(server.connections).toBe(1));
    await until(() => expect(server.of('session.update')).toHaveLength(1));
    server.isGranting = false;
    const words = /^OpenAI refused an event: 400 invalid_request_error bad_instructions$/;
    const rejected = expect(caller.session.updateInstructions('Rumpelstiltskin')).rejects.toThrow(words);
    await until(() => expect(server.of('session.update')).toHaveLength(2));
    const event_id = server.of('session.update')[1]?.event_id;
    const error = { type: 'invalid_request_error', code: 'bad_instructions', message: 'Rumpelstiltskin!', event_id };
    server.send({ type: 'error', error });
    await rejected;
    expect(caller.errors).toEqual([]);
  });

  it('asks again for a reply that failed before anything came of it', async () => {
    let attempts = 0;
    server.answer = (event) => {
      if (event.type !== 'response.create') return;
      attempts += 1;
      const id = `resp_${attempts}`;
      if (attempts > 1) server.reply(id, 'Here I am.', metadataOf(event));
      else {
        const error = { type: 'server_error', code: 'server_error', message: 'Rumpelstiltskin!' };
        const response = { id, metadata: metadataOf(event) };
        server.send({ type: 'response.created', response });
        server.send({ type: 'response.done', response: { ...response, status: 'failed', status_details: { error } } });
      }
    };
    call();
    await caller.session.generateReply();
    await until(() => expect(caller.texts).toEqual(['Here I am.']));
    expect(caller.replies).toHaveLength(1);
    expect(caller.errors).toMatchObject([{ recoverable: true, error: { statusCode: 500 } }]);
    expect(caller.errors[0]?.error).toBeInstanceOf(APIStatusError);
    expect(String(caller.errors[0]?.error)).not.toContain('Rumpelstiltskin');
  });

  it('notices when a reply that it asked for once more is met with silence', async () => {
    let attempts = 0;
    server.answer = (event) => {
      if (event.type !== 'response.create') return;
      attempts += 1;
      const response = { id: `resp_${attempts}`, metadata: metadataOf(event) };
      const error = { type: 'server_error', code: 'server_error' };
      if (attempts === 3) server.reply('resp_3', 'Here I am.', response.metadata);
      if (attempts !== 1) return;
      server.send({ type: 'response.created', response });
      server.send({ type: 'response.done', response: { ...response, status: 'failed', status_details: { error } } });
    };
    call({ idleTimeoutMs: 300 });
    await caller.session.generateReply();
    await until(() => expect(caller.texts).toEqual(['Here I am.']));
    expect(server.connections).toBe(2);
    expect(caller.replies).toHaveLength(1);
  });

  it('waits for a reply that the server began by itself', async () => {
    let asked = 0;
    server.answer = (event) => {
      if (event.type !== 'response.create') return;
      asked += 1;
      if (asked > 1) server.reply('resp_b', 'Mine.', metadataOf(event));
      else {
        const error = { type: 'invalid_request_error', code: 'conversation_already_has_active_response' };
        server.send({ type: 'error', error: { ...error, message: '', event_id: event.event_id } });
        server.reply('resp_a', 'By itself.');
      }
    };
    call();
    await caller.session.generateReply();
    await until(() => expect(caller.texts).toEqual(['By itself.', 'Mine.']));
    expect(caller.replies.map(({ userInitiated }) => userInitiated)).toEqual([false, true]);
    expect(caller.errors).toEqual([]);
  });

  it('never runs a call that was cut off', async () => {
    server.answer = (event) => {
      if (event.type !== 'response.create') return;
      const response = { id: 'resp_a', metadata: metadataOf(event) };
      const item = { id: 'item_a', type: 'function_call', call_id: 'call_a', name: 'save', arguments: '{"answer":"Ro' };
      server.send({ type: 'response.created', response });
      server.send({
        type: 'response.output_item.done',
        response_id: 'resp_a',
        item: { ...item, status: 'incomplete' },
      });
      const status_details = { type: 'incomplete', reason: 'max_output_tokens' };
      server.send({ type: 'response.done', response: { ...response, status: 'incomplete', status_details } });
    };
    call();
    await caller.session.generateReply();
    await until(() => expect(caller.replies[0]?.isOver).toBe(true));
    expect(caller.replies[0]?.calls).toEqual([]);
  });

  it('keeps what is in the making when the conversation changes, and the arguments of a call on a new connection', async () => {
    server.answer = (event) => {
      if (event.type !== 'response.create') return;
      const response = { id: 'resp_a', metadata: metadataOf(event) };
      const item = { id: 'item_a', type: 'function_call', call_id: 'call_a', name: 'save', arguments: '' };
      server.send({ type: 'response.created', response });
      server.send({ type: 'response.output_item.added', response_id: 'resp_a', item });
      server.send({ type: 'conversation.item.added', item });
    };
    call();
    await caller.session.generateReply();
    await until(() => expect(caller.session.chatCtx.items).toHaveLength(1));
    await caller.session.updateChatCtx(new llm.ChatContext([]));
    expect(server.of('conversation.item.delete')).toEqual([]);
    const item = {
      id: 'item_a',
      type: 'function_call',
      call_id: 'call_a',
      name: 'save',
      arguments: '{"answer":"Robin"}',
    };
    server.send({ type: 'response.output_item.done', response_id: 'resp_a', item: { ...item, status: 'completed' } });
    await until(() => expect(caller.replies[0]?.calls).toMatchObject([{ args: '{"answer":"Robin"}' }]));

    server.drop();
    await until(() => expect(caller.reconnections).toBe(1));
    await until(() => expect(caller.replies[0]?.isOver).toBe(true));
    await until(() => expect(server.of('conversation.item.create')).toMatchObject([{ item }]));
    expect(server.of('response.create')).toHaveLength(1);
  });

  it('begins a new connection when the time of the session is up', async () => {
    call();
    await until(() => expect(server.connections).toBe(1));
    const error = { type: 'invalid_request_error', code: 'session_expired', message: 'Your session hit its limit.' };
    server.send({ type: 'error', error });
    await until(() => expect(caller.reconnections).toBe(1));
    expect(caller.errors).toMatchObject([{ recoverable: true }]);
    expect(caller.errors[0]?.error).toBeInstanceOf(APIConnectionError);
  });

  it('tells of words that could not be written down, and of a key that is refused late', async () => {
    call();
    await until(() => expect(server.connections).toBe(1));
    const error = { type: 'transcription_error', code: 'audio_unintelligible', message: 'Rumpelstiltskin' };
    const item_id = 'item_a';
    server.send({ type: 'conversation.item.input_audio_transcription.failed', item_id, content_index: 0, error });
    await until(() => expect(caller.errors).toMatchObject([{ recoverable: true }]));
    expect(String(caller.errors[0]?.error)).toContain('audio_unintelligible');
    expect(String(caller.errors[0]?.error)).not.toContain('Rumpelstiltskin');

    vi.spyOn(server, 'send').mockImplementationOnce(() => {
      const refusal = { type: 'invalid_request_error', code: 'invalid_api_key', message: 'a-key is wrong' };
      server.send({ type: 'error', error: refusal });
    });
    await expect(model.probe(AbortSignal.timeout(5_000))).rejects.toMatchObject({ statusCode: 401, retryable: false });
    vi.restoreAllMocks();
  });

  it('needs the address of an Azure resource, and addresses that are any', () => {
    const options = { apiKey: 'a-key', model: 'gpt-realtime', voice: 'marin' };
    call();
    expect(() => new OpenAIRealtimeModel({ ...options, azure: {} })).toThrow(/^baseUrl: /);
    expect(() => new OpenAIRealtimeModel({ ...options, baseUrl: 'nowhere' })).toThrow(/^baseUrl: /);
  });
});
