import { llm, type voice } from '@livekit/agents';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Call } from '../../agents/call.ts';
import { forgetFact, getEarlierSessions, getFacts, keepFact, proposeFact } from '../../agents/roster/memory-tools.ts';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { memoryNewsSchema } from '../../domain/fact.ts';

const id = newId();
const proposed = {
  id,
  text: 'Sings in a choir',
  state: 'proposed' as const,
  agent: 'companion',
  sourceSessionId: null,
  proposedAt: '2026-11-20T10:00:00.000Z',
  keptAt: null,
};
const kept = { ...proposed, state: 'kept' as const, keptAt: '2026-11-21T10:00:00.000Z' };

/** What the backend's memory answers, or refuses with. */
let memory: Record<string, (...input: string[]) => Promise<unknown>>;
let asked: string[][];
let told: [topic: string, message: unknown][];
let interruptions: boolean[];

beforeEach(() => {
  [asked, told, interruptions] = [[], [], []];
  ctx.speechHandle = { allowInterruptions: true };
  memory = {};
});

const answering = (name: string, answer: unknown) => {
  memory[name] = async (...input) => {
    asked.push([name, ...input]);
    interruptions.push(ctx.speechHandle.allowInterruptions);
    if (answer instanceof Error) throw answer;
    return answer;
  };
};
// Only what the tools use of a run is made.
const ctx = {
  get userData() {
    return { backend: { memory }, tell: (topic: string, message: unknown) => told.push([topic, message]) };
  },
  speechHandle: { allowInterruptions: true },
  disallowInterruptions() {
    ctx.speechHandle.allowInterruptions = false;
  },
};
/** The framework's types tell each tool's input apart; here they are called alike. */
const use = (tool: { execute(input: never, options: never): unknown }, input: object = {}) =>
  Promise.resolve(tool.execute(input as never, { ctx: ctx as unknown as voice.RunContext<Call> } as never));

describe('the tools of the memory', () => {
  test('propose a fact, have the model ask, and show it to the client', async () => {
    answering('propose', proposed);
    const answer = await use(proposeFact, { text: proposed.text });
    expect(answer).toEqual({ id, state: 'proposed', next: 'Ask the caller whether you may keep it.' });
    expect(asked).toEqual([['propose', proposed.text]]);
    expect(told).toEqual([['parley.memory', { id, text: proposed.text, state: 'proposed' }]]);
    // Not cut off by a word while it wrote, and free again afterwards.
    expect(interruptions).toEqual([false]);
    expect(ctx.speechHandle.allowInterruptions).toBe(true);
  });

  test('say when what is proposed is kept already', async () => {
    answering('propose', kept);
    expect(await use(proposeFact, { text: 'sings' })).toMatchObject({ state: 'kept', next: 'It is kept already.' });
  });

  test('keep and forget, and tell the client as it is documented', async () => {
    answering('keep', kept);
    answering('forget', undefined);
    expect(await use(keepFact, { id })).toEqual({ kept: kept.text });
    expect(await use(forgetFact, { id })).toEqual({ forgotten: id });
    expect(told.map(([, message]) => memoryNewsSchema.parse(message))).toEqual([
      { id, text: kept.text, state: 'kept' },
      { id, text: null, state: 'forgotten' },
    ]);
    expect(interruptions).toEqual([false, false]);
  });

  test('keep nothing in the reply that proposes it, but in the next one', async () => {
    answering('propose', proposed);
    answering('keep', kept);
    await use(proposeFact, { text: proposed.text });
    await expect(use(keepFact, { id })).rejects.toThrow('was not asked yet');
    expect(asked).toEqual([['propose', proposed.text]]);
    ctx.speechHandle = { allowInterruptions: true };
    expect(await use(keepFact, { id })).toEqual({ kept: kept.text });
  });

  test('read what is remembered and what was spoken of earlier, with the day', async () => {
    answering('facts', [kept, proposed]);
    answering('earlierSessions', [{ text: 'They sang.', writtenAt: '2026-11-19T10:00:00.000Z' }]);
    expect(await use(getFacts)).toEqual([
      { id, text: kept.text, state: 'kept', date: '2026-11-21' },
      { id, text: kept.text, state: 'proposed', date: '2026-11-20' },
    ]);
    expect(await use(getEarlierSessions)).toEqual([{ date: '2026-11-19', text: 'They sang.' }]);
    expect(told).toEqual([]);
  });

  test.each([
    ['forbidden', 'The person has refused to be remembered', 'refused to be remembered'],
    ['conflict', 'There are 200 facts already: forget one first', 'forget one first'],
    ['unavailable', 'The database is not available', 'can not be reached'],
  ] as const)('tell the model of a refusal (%s), and the client of nothing', async (code, message, said) => {
    answering('propose', new AppError(code, message));
    const answer = use(proposeFact, { text: 'sings' });
    await expect(answer).rejects.toThrow(llm.ToolError);
    await expect(answer).rejects.toThrow(said);
    expect(told).toEqual([]);
  });
});
