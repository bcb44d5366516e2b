import { ApiError, GoogleGenAI } from '@google/genai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { geminiStandIn } from '../../sandbox/gemini.ts';
import { ImplicitCache } from '../../sandbox/gemini-cache.ts';
import { parseRequest } from '../../sandbox/gemini-request.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';

const model = 'gemini-3.5-flash-lite';
const text = (words: string) => ({ text: words });
const use = (id: string, thoughtSignature?: string) => ({
  functionCall: { id, name: 'look_up', args: {} },
  ...(thoughtSignature && { thoughtSignature }),
});
const result = (id: string) => ({ functionResponse: { id, name: 'look_up', response: { output: 'found' } } });
const user = (...parts: object[]) => ({ role: 'user', parts });
const reply = (...parts: object[]) => ({ role: 'model', parts });
const lookUp = { functionDeclarations: [{ name: 'look_up', description: 'Looks up.' }] };
const body = (more: object = {}) => ({ contents: [user(text('good morning'))], ...more });
const turns = (...contents: object[]) => body({ contents, tools: [lookUp] });
const thinking = (thinkingConfig: object) => body({ generationConfig: { thinkingConfig } });
const choose = (functionCallingConfig: object, more: object = { tools: [lookUp] }) =>
  body({ ...more, toolConfig: { functionCallingConfig } });

describe('parseRequest', () => {
  const parse = (request: object, name = model) => parseRequest(name, new Set(['c2ln']), request);

  it('takes what the API takes', () => {
    parse(body({ systemInstruction: { parts: [text('be kind')] }, generationConfig: { maxOutputTokens: 1 } }));
    parse(choose({ mode: 'ANY', allowedFunctionNames: ['look_up'] }));
    parse(turns(user(text('look')), reply(text('I will'), use('a', 'c2ln')), user(result('a')), user(text('well?'))));
    parse(turns(user(text('look')), reply(use('a')), user(result('a'))), 'gemini-2.5-flash');
    parse(thinking({ thinkingBudget: 0 }), 'gemini-2.5-flash');
  });

  it.each([
    [
      'a parameter that is not modelled',
      body({ generationConfig: { temperature: 0 } }),
      /^generationConfig: .*"temper/,
    ],
    ['no contents', body({ contents: [] }), /^contents: /],
    ['an unknown role', turns({ role: 'tool', parts: [text('x')] }), /^contents\[0\]\.role: /],
    ['a part without data', turns(user({})), /^contents\[0\]\.parts\[0\]: /],
    ['a content without parts', turns(user()), /^contents\[0\]\.parts: /],
    ['the model first', turns(reply(text('hi')), user(text('hi'))), /first content/],
    ['the model last', turns(user(text('hi')), reply(text('hi'))), /last content/],
    [
      'a call behind the model’s words',
      turns(user(text('x')), reply(text('x')), reply(use('a', 'c2ln')), user(result('a'))),
      /immediately after/,
    ],
    ['a response without a call', turns(user(result('a'))), /number of function response parts/],
    [
      'a call without a response',
      turns(user(text('x')), reply(use('a', 'c2ln')), user(text('x'))),
      /number of function/,
    ],
    [
      'a response to another call',
      turns(user(text('x')), reply(use('a', 'c2ln')), user(result('b'))),
      /id and the name/,
    ],
    ['a response beside words', turns(user(text('x')), reply(use('a', 'c2ln')), user(result('a'), text('x'))), /mixed/],
    ['a call that is not signed', turns(user(text('x')), reply(use('a')), user(result('a'))), /thought_signature/],
    ['a signature of somebody else', turns(user(text('x')), reply(use('a', 'eA==')), user(result('a'))), /not valid/],
    ['a call of the user', turns(user(use('a')), reply(text('x')), user(text('x'))), /belong to the model/],
    ['two tools of a name', body({ tools: [lookUp, lookUp] }), /^tools: Duplicate/],
    ['a choice without tools', choose({ mode: 'ANY' }, {}), /needs function declarations/],
    ['a choice of another tool', choose({ mode: 'ANY', allowedFunctionNames: ['x'] }), /subset/],
    ['names without mode ANY', choose({ mode: 'AUTO', allowedFunctionNames: ['look_up'] }), /only be set/],
    ['a budget and a level', thinking({ thinkingBudget: 0, thinkingLevel: 'LOW' }), /only one/],
  ])('refuses %s', (_, request, reason) => {
    expect(() => parse(request)).toThrow(reason);
  });

  it.each([
    ['gemini-3.8-flash', { thinkingLevel: 'MINIMAL' }],
    ['gemini-2.5-pro', { thinkingBudget: 0 }],
    ['gemini-2.5-flash', { thinkingLevel: 'LOW' }],
  ])('refuses for %s the setting %j', (name, config) => {
    expect(() => parse(thinking(config), name)).toThrow(/^generationConfig\.thinkingConfig: /);
  });
});

describe('ImplicitCache', () => {
  it('reads as far as a prompt begins like an earlier one for the same model', () => {
    const cache = new ImplicitCache();
    const count = (name: string, ...contents: object[]) =>
      cache.count(name, parseRequest(name, new Set(), turns(...contents)));
    const one = count(model, user(text('good morning')));
    expect(one.cached).toBe(0);
    const two = count(model, user(text('good morning')), reply(text('hi')), user(text('good night')));
    expect(two.cached).toBe(one.prompt);
    const other = count(model, user(text('good evening')));
    expect(other.cached).toBeGreaterThan(0);
    expect(other.cached).toBeLessThan(one.prompt);
    expect(count('gemini-2.5-flash', user(text('good morning'))).cached).toBe(0);
  });
});

describe('the stand-in, asked with the vendor’s SDK', () => {
  let sandbox: Sandbox;
  let client: GoogleGenAI;

  beforeEach(async () => {
    sandbox = await startSandbox([geminiStandIn]);
    sandbox.settings.delays = { ...sandbox.settings.delays, llmFirstTokenMs: 1, llmTokensPerSecond: 1_000 };
    const httpOptions = { baseUrl: `${sandbox.url}/gemini` };
    client = new GoogleGenAI({ apiKey: 'a-key', vertexai: false, httpOptions });
  });

  afterEach(() => sandbox.close());

  const piecesOf = async (config: object = {}) => {
    const pieces = [];
    const asked = { model, contents: 'hello', config: { automaticContinuation: false, ...config } };
    for await (const piece of await client.models.generateContentStream(asked)) pieces.push(piece);
    return pieces;
  };

  it('streams words, and ends with an empty piece', async () => {
    const pieces = await piecesOf();
    expect(pieces.map((piece) => piece.candidates?.[0]?.content?.parts?.[0]?.text)).toEqual([
      'I',
      ' heard:',
      ' hello.',
      '',
    ]);
    expect(pieces.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP');
    expect(pieces.at(-1)?.usageMetadata).toMatchObject({ candidatesTokenCount: 3 });
    expect(new Set(pieces.map(({ responseId }) => responseId)).size).toBe(1);
  });

  it('stops at the most it may say', async () => {
    const last = (await piecesOf({ maxOutputTokens: 2 })).at(-1);
    expect(last?.candidates?.[0]?.finishReason).toBe('MAX_TOKENS');
  });

  it('describes its models', async () => {
    expect(await client.models.get({ model })).toMatchObject({ name: `models/${model}` });
    const names = [];
    for await (const { name } of await client.models.list()) names.push(name);
    expect(names).toContain(`models/${model}`);
  });

  it('logs what it was asked, without the words', async () => {
    await piecesOf({ tools: [lookUp] });
    const events = sandbox.log.events();
    expect(events.map(({ event }) => event)).toEqual(['request-received', 'first-token-sent', 'request-completed']);
    expect(events[0]).toMatchObject({ messages: 1, tools: ['look_up'], cacheReadTokens: 0 });
    expect(JSON.stringify(events)).not.toContain('hello');
  });

  it.each([
    ['without a key', '/gemini/v1beta/models', {}, 403, 'PERMISSION_DENIED', 0],
    ['on another path', '/gemini/v1beta/cachedContents', { 'x-goog-api-key': 'k' }, 404, 'NOT_FOUND', 1],
    ['for an unknown model', '/gemini/v1beta/models/x', { 'x-goog-api-key': 'k' }, 404, 'NOT_FOUND', 1],
  ])('refuses a request %s', async (_, path, headers, code, status, unexpected) => {
    const response = await fetch(`${sandbox.url}${path}`, { headers });
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ error: { code, status } });
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(unexpected);
  });

  it.each([
    ['refuse', 400],
    ['rate-limit', 429],
    ['overload', 503],
  ] as const)('can %s, as often as told', async (mode, status) => {
    sandbox.settings.setFailure('gemini', { mode, times: 1 });
    const error: unknown = await piecesOf().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status });
    expect(await piecesOf()).toHaveLength(4);
  });
});
