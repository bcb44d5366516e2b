import { initializeLogger, llm } from '@livekit/agents';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdoptingLLM } from '../../agents/turns/adopting-llm.ts';

interface Request {
  words: string;
  isClosed: boolean;
  put(content: string): void;
  end(): void;
}

/** A model whose replies are given by the test. */
class HandDrivenLLM extends llm.LLM {
  readonly requests: Request[] = [];

  override label() {
    return 'hand.LLM';
  }

  override chat(options: Parameters<llm.LLM['chat']>[0]): llm.LLMStream {
    return new HandDrivenStream(this, options);
  }
}

class HandDrivenStream extends llm.LLMStream {
  constructor(owner: HandDrivenLLM, { chatCtx }: Parameters<llm.LLM['chat']>[0]) {
    super(owner, { chatCtx, connOptions: { maxRetry: 0, retryIntervalMs: 1, timeoutMs: 1_000 } });
    const last = chatCtx.items.at(-1);
    const request: Request = {
      words: last?.type === 'message' ? (last.rawTextContent ?? '') : '',
      isClosed: false,
      put: (content) => this.queue.put({ id: 'reply', delta: { role: 'assistant', content } }),
      end: () => this.#end(),
    };
    this.abortController.signal.addEventListener('abort', () => {
      request.isClosed = true;
    });
    owner.requests.push(request);
  }

  #end: () => void = () => {};

  protected override run(): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.abortController.signal.addEventListener('abort', () => resolve());
    });
  }
}

describe('a reply that was begun for nearly the same words', () => {
  let inner: HandDrivenLLM;
  let model: AdoptingLLM;
  const earlier = llm.ChatMessage.create({ role: 'system', content: 'Be brief.' });
  const ask = (words: string, items: llm.ChatItem[] = [earlier]) =>
    model.chat({ chatCtx: new llm.ChatContext([...items, llm.ChatMessage.create({ role: 'user', content: words })]) });
  const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));
  beforeEach(() => {
    inner = new HandDrivenLLM();
    model = new AdoptingLLM(inner);
  });

  it('is taken up again, from its first word to its last, by one request', async () => {
    const dropped = ask('tell me about Paris');
    await tick();
    inner.requests[0]?.put('Paris ');
    dropped.close();
    const taken = ask('Tell me about Paris.');
    inner.requests[0]?.put('is large.');
    await tick();
    inner.requests[0]?.end();
    expect((await taken.collect()).text).toBe('Paris is large.');
    expect(inner.requests.map(({ words }) => words)).toEqual(['tell me about Paris']);
  });

  it('is asked for anew when the words, what came before or the tools differ', async () => {
    const other = llm.ChatMessage.create({ role: 'system', content: 'Be brief.' });
    const tool = llm.tool({ name: 'look', description: 'Looks.', execute: async () => 'seen' });
    ask('tell me about Paris').close();
    ask('tell me about Rome').close();
    ask('tell me about Rome', [other]).close();
    model.chat({
      chatCtx: new llm.ChatContext([other, llm.ChatMessage.create({ role: 'user', content: 'tell me about Rome' })]),
      toolCtx: [tool],
    });
    await tick();
    expect(inner.requests).toHaveLength(4);
  });

  it('is ended within 200 ms when nobody takes it up', async () => {
    const dropped = ask('tell me about Paris');
    await tick();
    dropped.close();
    expect(inner.requests[0]?.isClosed).toBe(false);
    await vi.waitFor(() => expect(inner.requests[0]?.isClosed).toBe(true), { timeout: 5_000, interval: 5 });
    ask('tell me about Paris');
    await tick();
    expect(inner.requests).toHaveLength(2);
  });

  it('is not taken up when it came to nothing', async () => {
    const failed = ask('tell me about Paris');
    await tick();
    inner.requests[0]?.end();
    expect((await failed.collect()).text).toBe('');
    ask('tell me about Paris');
    await tick();
    expect(inner.requests).toHaveLength(2);
  });

  it('is counted once', async () => {
    const counted: unknown[] = [];
    model.on('metrics_collected', (metrics) => counted.push(metrics));
    ask('tell me about Paris').close();
    const taken = ask('tell me about Paris');
    await tick();
    inner.requests[0]?.put('Large.');
    inner.requests[0]?.end();
    await taken.collect();
    await vi.waitFor(() => expect(counted).toHaveLength(1));
  });
});
