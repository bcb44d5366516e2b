import { llm, type voice } from '@livekit/agents';
import { describe, expect, test } from 'vitest';
import type { AgentName, Call } from '../../agents/call.ts';
import { handoffTo, previousAgentOf } from '../../agents/roster/handoff.ts';

const said = (role: 'user' | 'assistant', content: string) => llm.ChatMessage.create({ role, content });
const handedTo = (newAgentId: AgentName, oldAgentId?: AgentName) =>
  new llm.AgentHandoffItem({ oldAgentId, newAgentId });

/** A call with a conversation, and what the next agent is told of it. */
function callAfter(...items: llm.ChatItem[]) {
  const told: { name: AgentName; history: llm.ChatContext }[] = [];
  const chatCtx = new llm.ChatContext(items);
  const call = {
    agent(name: AgentName, history: llm.ChatContext) {
      told.push({ name, history });
      return { id: name };
    },
  };
  // Only what is used of a run is made.
  const ctx = { userData: call, session: { history: chatCtx, currentAgent: { chatCtx } } };
  return { told, ctx: ctx as unknown as voice.RunContext<Call> };
}

describe('a handoff', () => {
  test('tells the next agent the end of the conversation, and no tool calls', () => {
    const words = Array.from({ length: 9 }, (_, index) => said(index % 2 ? 'assistant' : 'user', `words ${index}`));
    const called = llm.FunctionCall.create({ callId: 'c1', name: 'get_profile', args: '{}' });
    const { told, ctx } = callAfter(handedTo('concierge'), ...words, called);
    handoffTo('oracy', ctx);
    expect(told.map(({ name }) => name)).toEqual(['oracy']);
    const texts = told[0]?.history.items.map((item) => (item.type === 'message' ? item.textContent : item.type));
    expect(texts?.at(-1)).toBe('words 8');
    expect(texts?.length).toBeLessThanOrEqual(6);
    expect(texts).not.toContain('function_call');
  });

  test('is refused where the caller was handed on three times without a word of theirs', () => {
    const chain = [handedTo('concierge'), handedTo('oracy', 'concierge'), handedTo('scout', 'oracy')];
    expect(() => handoffTo('oracy', callAfter(said('user', 'hello'), ...chain).ctx)).toThrow(llm.ToolError);
    const heard = callAfter(said('user', 'hello'), ...chain, said('user', 'and now?'));
    expect(() => handoffTo('oracy', heard.ctx)).not.toThrow();
    const spokenTo = callAfter(said('user', 'hello'), ...chain, said('assistant', 'welcome'));
    expect(() => handoffTo('oracy', spokenTo.ctx)).toThrow('stay with them');
  });

  test('is known by the agent that the caller comes from', () => {
    const history = new llm.ChatContext([handedTo('concierge'), said('user', 'hello')]);
    expect(previousAgentOf({ history })).toBeUndefined();
    history.items.push(handedTo('scout', 'concierge'));
    expect(previousAgentOf({ history })).toBe('concierge');
  });
});
