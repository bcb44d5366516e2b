import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it, vi } from 'vitest';
import { offerOf } from '../../agents/mcp/offered-tools.ts';
import { bounded, resultText } from '../../agents/mcp/result.ts';
import { whileWaiting } from '../../agents/mcp/while-waiting.ts';
import { asideMark } from '../../agents/turns/spoken-agent.ts';
import { sizes } from '../../core/limits.ts';

const listed = (name: string, more: Partial<Tool> = {}): Tool => ({ name, inputSchema: { type: 'object' }, ...more });
const offer = (tools: Tool[], allowed?: string[]) => offerOf({ name: 'house', tools: allowed }, tools);
const namesOf = (...names: string[]) => offer(names.map((name) => listed(name))).tools.map(({ name }) => name);

describe('a tool that is offered', () => {
  it('is called after its server, in characters that every vendor takes', () => {
    expect(namesOf('light', 'door.open/now', 'ünlock')).toEqual(['house_door_open_now', 'house_light', 'house__nlock']);
  });

  it('keeps a name of its own where that is too long, or another one has it', () => {
    const names = namesOf('a.b', 'a/b', 'a_b', 'long'.repeat(20), `${'long'.repeat(20)}er`);
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^house_[a-zA-Z0-9_-]{1,58}$/);
    expect(names[0]).toBe('house_a_b');
    expect(names[1]).toMatch(/^house_a_b_[0-9a-f]{8}$/);
    expect(namesOf('a.b', 'a/b')).toEqual(names.slice(0, 2));
  });

  it('is one that is allowed, and those that are missing are told', () => {
    const { tools, missing } = offer([listed('light'), listed('door')], ['door', 'window']);
    expect(tools.map(({ original }) => original)).toEqual(['door']);
    expect(missing).toEqual(['window']);
  });

  it('may write unless its server says that it does not', () => {
    const hints = [undefined, {}, { readOnlyHint: false }, { destructiveHint: false }, { readOnlyHint: true }];
    const { tools } = offer(hints.map((annotations, index) => listed(`t${index}`, { annotations })));
    expect(tools.map(({ isReadOnly }) => isReadOnly)).toEqual([false, false, false, false, true]);
  });

  it('is described at a length that is bounded', () => {
    const { tools } = offer([
      listed('a', { description: 'x'.repeat(5_000) }),
      listed('b', { title: 'The light' }),
      listed('c', { annotations: { title: 'The door' } }),
    ]);
    expect(tools[0]?.description).toHaveLength(sizes.mcpDescriptionCharacters);
    expect(tools.map(({ description }) => description).slice(1)).toEqual(['The light', 'The door']);
  });

  it('has the schema of its server, less what vendors refuse', () => {
    const inputSchema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object' as const,
      properties: { on: { type: 'boolean', description: 'Whether it is on.' } },
      required: ['on'],
      additionalProperties: false,
      anyOf: [{ required: ['on'] }],
      $defs: { thing: { type: 'string' } },
    };
    expect(offer([listed('light', { inputSchema })]).tools[0]?.parameters).toEqual({
      type: 'object',
      properties: inputSchema.properties,
      required: ['on'],
      additionalProperties: false,
      $defs: inputSchema.$defs,
    });
    expect(offer([listed('bell')]).tools[0]?.parameters).toEqual({ type: 'object', properties: {} });
  });

  it('is left out where a vendor would refuse it and every reply with it, and where there are too many', () => {
    const { tools, leftOut } = offer([
      listed('spaced', { inputSchema: { type: 'object', properties: { 'two words': { type: 'string' } } } }),
      listed('huge', {
        inputSchema: { type: 'object', properties: { a: { type: 'string', enum: ['x'.repeat(20_000)] } } },
      }),
      listed('task', { execution: { taskSupport: 'required' } }),
      listed('light'),
    ]);
    expect([tools.map(({ original }) => original), leftOut]).toEqual([['light'], 3]);
    const many = offer(Array.from({ length: 70 }, (_, index) => listed(`t${index}`)));
    expect([many.tools.length, many.leftOut]).toEqual([sizes.mcpTools, 70 - sizes.mcpTools]);
  });
});

describe('the result of a tool', () => {
  const text = (...content: CallToolResult['content']) => resultText({ content });

  it('is its texts, one after another', () => {
    expect(text({ type: 'text', text: 'one' }, { type: 'text', text: '  ' }, { type: 'text', text: 'two' })).toBe(
      'one\ntwo',
    );
    expect(text()).toBe('');
  });

  it('is its structured content, once', () => {
    const structuredContent = { degrees: 21, places: ['Delft'] };
    const told = JSON.stringify(structuredContent);
    const again = { type: 'text' as const, text: JSON.stringify({ places: ['Delft'], degrees: 21 }) };
    expect(resultText({ content: [again], structuredContent })).toBe(told);
    const other = { type: 'text' as const, text: 'Warm, for the time of the year.' };
    expect(resultText({ content: [other], structuredContent })).toBe(`${told}\n${other.text}`);
  });

  it('names what is no text, and holds none of it', () => {
    const result = text(
      { type: 'image', data: 'c2VjcmV0', mimeType: 'image/png' },
      { type: 'audio', data: 'c2VjcmV0', mimeType: 'audio/wav' },
      { type: 'resource_link', uri: 'file:///secret', name: 'report' },
      { type: 'resource', resource: { uri: 'file:///secret', text: 'secret', mimeType: 'text/plain' } },
      { type: 'resource', resource: { uri: 'file:///secret', blob: 'c2VjcmV0' } },
    );
    expect(result.split('\n')).toEqual([
      '[image, image/png: it can not be shown here]',
      '[audio, audio/wav: it can not be shown here]',
      '[link to report]',
      '[file, text/plain: it can not be shown here]',
      '[file: it can not be shown here]',
    ]);
  });

  it('is bounded, at whole characters', () => {
    const long = text({ type: 'text', text: 'x'.repeat(20_000) });
    expect(long).toHaveLength(sizes.mcpResultCharacters);
    expect(long).toMatch(/ \[the rest is left out\]$/);
    expect(bounded('🙂'.repeat(50), 48)).toMatch(/^(?:🙂)+ \[the rest is left out\]$/u);
    expect(bounded('short', 48)).toBe('short');
  });
});

describe('a tool that takes its time', () => {
  function caller(isSpoken: boolean) {
    const said: [string, unknown][] = [];
    const steps: string[] = [];
    const waits: number[] = [];
    let due: (isDue: boolean) => void = () => {};
    const userData = {
      heardLanguage: 'en',
      language: 'en',
      recovered: ({ kind }: { kind: string }) => steps.push(kind),
      watch: {
        waitingFor(longestMs: number) {
          waits.push(longestMs);
          return () => steps.push('answered');
        },
        fillerDue: (signal: AbortSignal) =>
          new Promise<boolean>((resolve) => {
            due = resolve;
            signal.addEventListener('abort', () => resolve(false));
          }),
      },
    };
    const session = {
      output: { audio: isSpoken ? {} : null },
      say: (...line: [string, unknown]) => said.push(line),
    };
    const ctx = { userData, session } as unknown as Parameters<typeof whileWaiting>[0];
    return { ctx, said, steps, waits, due: () => due(true) };
  }

  it('has the apology wait, and a filler said', async () => {
    const { ctx, said, steps, waits, due } = caller(true);
    let answer: (text: string) => void = () => {};
    const answered = new Promise<string>((resolve) => {
      answer = resolve;
    });
    const result = whileWaiting(ctx, 700, () => answered);
    due();
    await vi.waitFor(() => expect(said).toHaveLength(1));
    expect(said[0]).toEqual([expect.stringMatching(new RegExp(`^${asideMark}.+`)), { addToChatCtx: false }]);
    expect([waits, steps]).toEqual([[700], ['filler']]);
    answer('now');
    expect(await result).toBe('now');
    expect(steps).toEqual(['filler', 'answered']);
  });

  it('is not announced once it has answered, or where nothing is spoken', async () => {
    const spoken = caller(true);
    await expect(whileWaiting(spoken.ctx, 700, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const written = caller(false);
    await whileWaiting(written.ctx, 700, async () => written.due());
    expect([spoken.said, written.said]).toEqual([[], []]);
    expect([spoken.steps, written.steps]).toEqual([['answered'], ['answered']]);
  });
});
