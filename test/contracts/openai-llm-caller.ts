import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { APIError, llm } from '@livekit/agents';
import { expect } from 'vitest';

/** A word that the servers of these tests put into their errors; none of ours may repeat it. */
export const secret = 'Rumpelstiltskin';

/** A server that gives every request the same answer. */
export interface OneAnswer {
  /** Base URL as the adapters take it. */
  url: string;
  /** Headers of the requests so far. */
  headers: IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** What is answered: a status with a body, or server-sent events, which may leave the connection open or cut it. */
export type Answer = { status: number; body: unknown } | { events: readonly (object | string)[]; end?: 'open' | 'cut' };

/** Starts a server that answers every request alike, and names the request `req_1`. */
export async function answerWith(answer: Answer): Promise<OneAnswer> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    request.resume();
    if ('status' in answer) {
      response.writeHead(answer.status, { 'content-type': 'application/json', 'x-request-id': 'req_1' });
      return void response.end(JSON.stringify(answer.body));
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req_1' });
    const lines = answer.events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event)));
    response.write(lines.map((line) => `data: ${line}\n\n`).join(''), () => {
      if (answer.end === 'cut') response.destroy();
      else if (answer.end !== 'open') response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    headers,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const toolCtx = ['get_profile', 'start_onboarding'].map((name) =>
  llm.tool({ name, description: 'A tool.', execute: async () => ({}) }),
);

/** What came of one request. */
export interface Outcome {
  reply: llm.CollectedResponse;
  error: Error | undefined;
}

/** Asks once, with two tools at hand, and closes the model. */
export async function askOnce(model: llm.LLM, content = 'good morning'): Promise<Outcome> {
  const errors: Error[] = [];
  model.on('error', ({ error }) => errors.push(error));
  const chatCtx = new llm.ChatContext([llm.ChatMessage.create({ role: 'user', content })]);
  const connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 };
  const reply = await model.chat({ chatCtx, toolCtx, connOptions }).collect();
  await model.aclose();
  return { reply, error: errors[0] };
}

/** Asks once a question that has to fail. */
export async function failOnce(model: llm.LLM): Promise<{ reply: llm.CollectedResponse; error: APIError }> {
  const { reply, error } = await askOnce(model);
  if (!(error instanceof APIError)) throw new Error(`expected an APIError, got ${String(error)}`);
  expect(`${error} ${error.stack} ${JSON.stringify(error)}`).not.toContain(secret);
  return { reply, error };
}
