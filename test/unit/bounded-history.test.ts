import { llm } from '@livekit/agents';
import { describe, expect, test } from 'vitest';
import { boundedHistory, type HistoryBounds, historyBounds } from '../../agents/turns/bounded-history.ts';

const bounds: HistoryBounds = { items: 8, characters: 400 };
const said = (role: 'system' | 'user' | 'assistant', content: string) => llm.ChatMessage.create({ role, content });
const called = (callId: string, output = 'a result') => [
  llm.FunctionCall.create({ callId, name: 'get_profile', args: '{}' }),
  llm.FunctionCallOutput.create({ callId, name: 'get_profile', output, isError: false }),
];
const instructions = said('system', 'You help. '.repeat(100));
const turn = (index: number) => [said('user', `question ${index}`), said('assistant', `answer ${index}`)];
const history = (...items: llm.ChatItem[]) => new llm.ChatContext([instructions, ...items]);

describe('a history', () => {
  test('within its bounds is left alone', () => {
    const short = new llm.ChatContext([said('system', 'You help.'), ...turn(1), ...turn(2)]);
    expect(boundedHistory(short, bounds)).toBe(short);
    expect(boundedHistory(llm.ChatContext.empty(), bounds).items).toEqual([]);
  });

  test('that grows keeps its instructions and its end, within bounds, and leaves the original alone', () => {
    const long = history(...Array.from({ length: 30 }, (_, index) => turn(index)).flat());
    const cut = boundedHistory(long, bounds);
    expect(long.items).toHaveLength(61);
    expect(cut.items[0]).toBe(instructions);
    expect(cut.items.length - 1).toBeLessThanOrEqual(bounds.items);
    expect(cut.items.at(-1)).toBe(long.items.at(-1));
    expect(cut.items[1]).toMatchObject({ type: 'message', role: 'user' });
  });

  test('begins at the same item for several turns, so that the prompt stays cached', () => {
    const items: llm.ChatItem[] = [];
    const begins: (string | undefined)[] = [];
    for (let index = 0; index < 30; index += 1) {
      items.push(...turn(index));
      begins.push(boundedHistory(history(...items), bounds).items[1]?.id);
    }
    // Thirty turns of two items, of which at least three are dropped at a time.
    expect(new Set(begins).size).toBeLessThanOrEqual(16);
    for (const begin of new Set(begins)) {
      expect(begins.lastIndexOf(begin) - begins.indexOf(begin)).toBe(
        begins.filter((each) => each === begin).length - 1,
      );
    }
  });

  test('is bounded by its characters as well', () => {
    const words = 'x'.repeat(150);
    const long = history(...Array.from({ length: 4 }, () => [said('user', words), said('assistant', 'yes')]).flat());
    const cut = boundedHistory(long, bounds);
    const characters = cut.items
      .slice(1)
      .reduce((sum, item) => sum + ((item as llm.ChatMessage).textContent?.length ?? 0), 0);
    expect(characters).toBeLessThanOrEqual(bounds.characters);
    expect(cut.items.length).toBeGreaterThan(1);
  });

  test('never keeps the result of a tool without its call', () => {
    const items: llm.ChatItem[] = [];
    for (let index = 0; index < 20; index += 1) {
      items.push(said('user', `question ${index}`), ...called(`call-${index}`), said('assistant', `answer ${index}`));
      for (const end of [1, 2, 3, 4]) {
        const cut = boundedHistory(history(...items.slice(0, items.length - 4 + end)), bounds).items;
        const calls = cut.flatMap((item) => (item.type === 'function_call' ? [item.callId] : []));
        const outputs = cut.flatMap((item) => (item.type === 'function_call_output' ? [item.callId] : []));
        expect(calls).toEqual(expect.arrayContaining(outputs));
        expect(cut[1]).toMatchObject({ role: 'user' });
      }
    }
  });

  test('keeps the turn under way, however many tools it has called', () => {
    const tools = Array.from({ length: 10 }, (_, index) => called(`call-${index}`, 'y'.repeat(100))).flat();
    const asked = said('user', 'do it all');
    const cut = boundedHistory(history(...turn(1), ...turn(2), asked, ...tools), bounds);
    expect(cut.items).toEqual([instructions, asked, ...tools]);
  });

  test('in which nobody has said anything yet is kept as it is', () => {
    const opening = history(...Array.from({ length: 12 }, (_, index) => said('assistant', `line ${index}`)));
    expect(boundedHistory(opening, bounds)).toBe(opening);
  });

  test('of an ordinary call is not cut', () => {
    const call = history(...Array.from({ length: 40 }, (_, index) => turn(index)).flat());
    expect(boundedHistory(call)).toBe(call);
    expect(historyBounds.items).toBeGreaterThan(81);
  });
});
