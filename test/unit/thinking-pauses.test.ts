import { EventEmitter } from 'node:events';
import { llm, voice } from '@livekit/agents';
import { describe, expect, test } from 'vitest';
import type { CallSession } from '../../agents/call.ts';
import { ThinkingPauses, withWholeTurn } from '../../agents/turns/thinking-pauses.ts';

const events = voice.AgentSessionEventTypes;
const message = (role: llm.ChatRole, content: string) => llm.ChatMessage.create({ role, content });
const textsOf = ({ items }: llm.ChatContext) =>
  items.map((item) => (item.type === 'message' ? item.rawTextContent : item.type));

describe('what somebody says after a pause', () => {
  /** A person speaks a second at a time; `turn` tells that it became a turn of its own. */
  function conversation() {
    const session = Object.assign(new EventEmitter(), { userData: {} });
    const pauses = new ThinkingPauses(session as unknown as CallSession);
    let nowMs = 1_000_000;
    return {
      pauses,
      says(afterMs: number): void {
        nowMs += afterMs;
        session.emit(events.UserStateChanged, { newState: 'speaking', createdAt: nowMs + 80 });
        nowMs += 1_000;
        session.emit(events.UserStateChanged, { newState: 'listening', createdAt: nowMs + 250 });
      },
      turn: () => session.emit(events.ConversationItemAdded, { item: message('user', 'words') }),
    };
  }

  test('goes on with the turns that were cut off, however many, until something new is said', () => {
    const { pauses, says, turn } = conversation();
    says(5_000);
    expect([pauses.pauseMs, pauses.pieces]).toEqual([undefined, 0]);
    turn();
    says(600);
    expect([pauses.pauseMs, pauses.pieces]).toEqual([600, 1]);
    turn();
    says(700);
    expect(pauses.pieces).toBe(2);
    turn();
    says(1_501);
    expect(pauses.pieces).toBe(0);
  });

  test('is in the same turn when that was not over', () => {
    const { pauses, says } = conversation();
    says(5_000);
    says(400);
    expect([pauses.pauseMs, pauses.pieces]).toEqual([400, 0]);
  });
});

describe('a conversation with its last turn whole', () => {
  const before = [message('user', 'hello'), message('user', 'anybody there'), message('user', 'a table')];
  const last = message('user', 'by the window');

  test('joins as many turns as belong to it, under the id of the last', () => {
    const whole = withWholeTurn(new llm.ChatContext([...before, last]), 1);
    expect(textsOf(whole)).toEqual(['hello', 'anybody there', 'a table by the window']);
    expect(whole.items.at(-1)?.id).toBe(last.id);
  });

  test('joins none across an answer, and leaves what it was given as it is', () => {
    const given = new llm.ChatContext([...before, message('assistant', 'which one?'), last]);
    expect(withWholeTurn(given, 2)).toBe(given);
    const held = new llm.ChatContext([...before, last]);
    withWholeTurn(held, 3);
    expect(textsOf(held)).toHaveLength(4);
    expect(withWholeTurn(held, 0)).toBe(held);
  });

  test('finds it ahead of the calls of tools that answer it', () => {
    const call = llm.FunctionCall.create({ callId: 'a', name: 'look_up', args: '{}' });
    const whole = withWholeTurn(new llm.ChatContext([...before, last, call]), 2);
    expect(textsOf(whole)).toEqual(['hello', 'anybody there a table by the window', 'function_call']);
  });
});
