import Anthropic from '@anthropic-ai/sdk';
import { type Scenario, type Step, stepSchema } from './scenario.ts';

/** Decides what a caller does next. */
export interface Persona {
  /** The next step; undefined when they hang up. @param transcript the conversation so far, a line each turn */
  next(transcript: string): Promise<Step | undefined>;
  /** Whether the next step speaks into the answer to the last one. */
  interruptsNext(): boolean;
}

/** How a model is reached. */
export interface ModelAccess {
  apiKey: string;
  baseUrl?: string;
  model: string;
}

/** Somebody who does one step of a script after the other. */
export class ScriptPersona implements Persona {
  readonly #steps: readonly Step[];
  #at = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  async next(): Promise<Step | undefined> {
    const step = this.#steps[this.#at];
    this.#at += 1;
    return step;
  }

  interruptsNext(): boolean {
    return this.#steps[this.#at]?.interrupt !== undefined;
  }
}

/** What a model writes when its caller has what they wanted. */
const goodbye = 'HANG UP';
const longestLineTokens = 200;

/** Somebody whose lines a model writes, from who they are and what they want. They type. */
export class LlmPersona implements Persona {
  readonly #client: Anthropic;
  readonly #model: string;
  readonly #scenario: Scenario;
  #lines = 0;

  constructor(scenario: Scenario, { apiKey, baseUrl, model }: ModelAccess) {
    this.#client = new Anthropic({ apiKey, baseURL: baseUrl });
    this.#model = model;
    this.#scenario = scenario;
  }

  async next(transcript: string): Promise<Step | undefined> {
    if (this.#lines >= this.#scenario.max_lines) return undefined;
    this.#lines += 1;
    const { persona, goal } = this.#scenario;
    const message = await this.#client.messages.create({
      model: this.#model,
      max_tokens: longestLineTokens,
      system: `You play a caller in a test of an assistant. Who you are: ${persona} What you want: ${goal}
Write only what you say next, in one or two sentences. Once you have what you want, or can't get it, write ${goodbye}.`,
      messages: [{ role: 'user', content: transcript || '(The call has begun. Nobody has said anything yet.)' }],
    });
    const text = message.content
      .map((block) => (block.type === 'text' ? block.text : ''))
      .join('')
      .trim();
    if (!text || text.includes(goodbye)) return undefined;
    return stepSchema.parse({ type: text });
  }

  interruptsNext(): boolean {
    return false;
  }
}
