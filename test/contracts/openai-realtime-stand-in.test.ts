import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openaiRealtimeStandIn } from '../../sandbox/openai-realtime-socket.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { RealtimeEvent } from './openai-realtime-server.ts';

const until = (check: () => void) => vi.waitFor(check, { timeout: 8_000, interval: 20 });

describe('OpenAI Realtime stand-in', () => {
  let sandbox: Sandbox;
  let socket: WebSocket;
  let events: RealtimeEvent[];

  beforeEach(async () => {
    sandbox = await startSandbox([openaiRealtimeStandIn([])]);
    const url = `${sandbox.url.replace('http', 'ws')}/openai/v1/realtime?model=gpt-realtime`;
    socket = new WebSocket(url, { headers: { authorization: 'Bearer a-key' } });
    events = [];
    socket.on('message', (data) => events.push(JSON.parse(String(data))));
    await until(() => expect(events).toMatchObject([{ type: 'session.created' }]));
  });
  afterEach(() => sandbox.close());

  const send = (event: object) => socket.send(JSON.stringify({ event_id: 'mine', ...event }));
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] };

  it.each([
    ['an unknown event', { type: 'response.begin' }, 'invalid_value', true],
    ['an unknown field', { type: 'response.create', response: { temperature: 1 } }, 'invalid_value', true],
    [
      'a session of the earlier protocol',
      { type: 'session.update', session: { voice: 'alloy' } },
      'invalid_value',
      true,
    ],
    ['a commit of nothing', { type: 'input_audio_buffer.commit' }, 'input_audio_buffer_commit_empty', false],
    ['a cancel of nothing', { type: 'response.cancel' }, 'response_cancel_not_active', false],
    ['an unknown item', { type: 'conversation.item.delete', item_id: 'x' }, 'item_delete_invalid_item_id', false],
    [
      'an id that is too long',
      { type: 'conversation.item.create', item: { ...item, id: 'x'.repeat(33) } },
      'invalid_value',
      true,
    ],
    [
      'an item after none',
      { type: 'conversation.item.create', previous_item_id: 'x', item },
      'invalid_previous_item_id',
      false,
    ],
    [
      'an output without a call',
      { type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'x', output: '' } },
      'invalid_tool_call_id',
      false,
    ],
  ])('refuses %s', async (_, event, code, isUnexpected) => {
    send(event);
    await until(() => expect(events.at(-1)).toMatchObject({ type: 'error', error: { code, event_id: 'mine' } }));
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(isUnexpected ? 1 : 0);
  });

  it('refuses a second reply, another voice, and to cut more than it said', async () => {
    const refusals = () =>
      events.flatMap((event) => (event.type === 'error' ? [(event.error as { code: string }).code] : []));
    send({ type: 'response.create' });
    send({ type: 'response.create' });
    await until(() => expect(refusals()).toEqual(['conversation_already_has_active_response']));
    await until(() =>
      expect(events.at(-1)).toMatchObject({ type: 'response.done', response: { status: 'completed' } }),
    );
    send({ type: 'session.update', session: { type: 'realtime', audio: { output: { voice: 'cedar' } } } });
    await until(() => expect(refusals()[1]).toBe('cannot_update_voice'));
    const spoken = events.find(({ type }) => type === 'response.output_item.added')?.item as { id: string };
    send({ type: 'conversation.item.truncate', item_id: spoken.id, content_index: 0, audio_end_ms: 60_000 });
    await until(() => expect(refusals()[2]).toBe('invalid_value'));
  });
});
