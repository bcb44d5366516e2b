import { APIConnectionError, initializeLogger, llm, voice } from '@livekit/agents';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Backend } from '../../agents/backend.ts';
import type { Call } from '../../agents/call.ts';
import { Onboarding } from '../../agents/roster/onboarding.ts';
import { OnboardingByRule } from '../../agents/roster/onboarding-by-rule.ts';
import { Apologies } from '../../agents/turns/apologize.ts';
import { ShownText } from '../../agents/turns/shown-text.ts';
import { Vocabulary } from '../../agents/turns/vocabulary.ts';
import { AppError } from '../../core/errors.ts';
import { defaults } from '../../core/limits.ts';
import { createLog } from '../../core/log.ts';
import type { Recovery } from '../../domain/conversation.ts';
import { emptyOnboarding, type OnboardingState, withAnswer, withSkipped } from '../../domain/onboarding.ts';
import { type OnboardingStepId, onboardingStep } from '../../domain/onboarding-steps.ts';

const log = createLog('test', 'silent');
const [name, goal, language] = (['preferred_name', 'goal', 'language'] as const).map(onboardingStep);
const simpler = "I can't think along with you right now, so I go on in a simpler way.";

/** The API's part: one state, changed by the same rules. */
class KeptOnboarding extends Backend {
  state: OnboardingState = { ...emptyOnboarding, completedAt: null, version: 1 };
  isAway = false;

  override async saveOnboardingStep(step: OnboardingStepId, answer: string): Promise<OnboardingState> {
    if (this.isAway) throw new AppError('unavailable', 'away');
    const parsed = onboardingStep(step).answer.safeParse(answer);
    if (!parsed.success) throw AppError.field('answer', 'refused');
    return this.#moved(withAnswer(this.state, step, parsed.data));
  }

  override async skipOnboardingStep(step: OnboardingStepId): Promise<OnboardingState> {
    if (this.isAway) throw new AppError('unavailable', 'away');
    return this.#moved(withSkipped(this.state, step));
  }

  #moved(progress: typeof emptyOnboarding): OnboardingState {
    this.state = { ...this.state, ...progress, version: this.state.version + 1 };
    return this.state;
  }
}

/** A model that gives what it is told to, and then nothing but failures. */
class FailingLLM extends llm.LLM {
  readonly replies: llm.ChatChunk[] = [];

  override label(): string {
    return 'test.FailingLLM';
  }

  override chat({ chatCtx, toolCtx }: Parameters<llm.LLM['chat']>[0]): llm.LLMStream {
    return new FailingStream(this, this.replies.shift(), {
      chatCtx,
      toolCtx: llm.toToolContext(toolCtx),
      connOptions: { maxRetry: 0, retryIntervalMs: 1, timeoutMs: 1_000 },
    });
  }
}

class FailingStream extends llm.LLMStream {
  readonly #reply: llm.ChatChunk | undefined;

  constructor(
    owner: llm.LLM,
    reply: llm.ChatChunk | undefined,
    options: ConstructorParameters<typeof llm.LLMStream>[1],
  ) {
    super(owner, options);
    this.#reply = reply;
  }

  protected override async run(): Promise<void> {
    if (!this.#reply) throw new APIConnectionError({ message: 'lost', options: { retryable: false } });
    this.queue.put(this.#reply);
  }
}

describe('the onboarding agent whose models are all away', () => {
  let session: voice.AgentSession<Call>;
  let model: FailingLLM;
  let backend: KeptOnboarding;
  let call: Call;
  let said: string[];
  let recoveries: Recovery['kind'][];

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  beforeEach(async () => {
    [said, recoveries] = [[], []];
    backend = new KeptOnboarding('http://127.0.0.1:1', log);
    call = {
      backend,
      profile: {
        userId: '00000000-0000-4000-8000-000000000001',
        preferredName: null,
        goal: null,
        language: null,
        version: 1,
        updatedAt: new Date(0).toISOString(),
      },
      onboarding: backend.state,
      language: 'en',
      heardLanguage: '',
      vocabulary: new Vocabulary({ packs: [], load: () => Promise.reject(), onChange: () => {}, log }),
      shown: new ShownText(),
      recovered: () => {},
      tell: () => {},
      keepTurn: () => {},
      agent: (id) => new voice.Agent<Call>({ id, instructions: 'Answer.' }),
    };
    model = new FailingLLM();
    session = new voice.AgentSession<Call>({
      llm: model,
      vad: null,
      turnHandling: { turnDetection: null },
      userData: call,
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'assistant') said.push(item.rawTextContent ?? '');
    });
    new Apologies(session, call, { log, recovered: ({ kind }) => recoveries.push(kind), write: () => {} });
    await session.start({ agent: new Onboarding({ chatCtx: llm.ChatContext.empty() }) });
    onTestFinished(() => session.close());
    await expect.poll(() => said).toEqual([`Let's set up your profile. ${name?.question.en}`]);
  });

  /** Types a message and gives the answer to it. */
  const answerTo = async (userInput: string): Promise<string> => {
    const before = said.length;
    session.generateReply({ userInput });
    await expect.poll(() => said.length, { timeout: 5_000 }).toBeGreaterThan(before);
    return said.slice(before).join(' | ');
  };

  test('walks all steps by rule, saying once that it does', async () => {
    expect(await answerTo('please call me Robin')).toBe(`${simpler} Thank you. ${goal?.question.en}`);
    expect(await answerTo('I want to practise')).toBe(`Thank you. ${language?.question.en}`);
    expect(await answerTo('Klingon')).toBe(`I speak English and Dutch only. ${language?.question.en}`);
    expect(await answerTo('Dutch')).toBe('Dank u wel. Alles is ingevuld.');
    expect(backend.state.answers).toEqual({ preferred_name: 'Robin', goal: 'practise', language: 'nl' });
    expect(recoveries).toEqual(['by-rule', 'by-rule', 'by-rule', 'by-rule']);
    expect(call.language).toBe('nl');
  });

  test('has nothing to go by once no step is open', async () => {
    for (const words of ['Robin', 'to practise', 'English']) await answerTo(words);
    session.generateReply({ userInput: 'Hello?' });
    await expect.poll(() => recoveries.at(-1)).toBe('apology');
  });

  test('skips, goes back, repeats and waits when it is asked to', async () => {
    expect(await answerTo('skip')).toBe(`${simpler} I do need an answer to this one. ${name?.question.en}`);
    expect(await answerTo('Robin')).toBe(`Thank you. ${goal?.question.en}`);
    expect(await answerTo('what was the question?')).toBe(goal?.question.en);
    expect(await answerTo('why do you want to know?')).toBe(`I can't answer questions right now. ${goal?.question.en}`);
    expect(await answerTo('hold on')).toBe('Of course, take your time.');
    expect(await answerTo('skip')).toBe(`All right, we leave that out. ${language?.question.en}`);
    expect(await answerTo('go back')).toBe(goal?.question.en);
    expect(await answerTo('go back')).toBe(name?.question.en);
    expect(await answerTo('skip')).toBe(`I do need an answer to this one. ${name?.question.en}`);
    expect(await answerTo('Robyn')).toBe(`Thank you. ${language?.question.en}`);
    expect(backend.state).toMatchObject({ answers: { preferred_name: 'Robyn' }, skipped: ['goal'] });
  });

  test('asks again for what could not be saved', async () => {
    backend.isAway = true;
    expect(await answerTo('Robin')).toBe(`${simpler} I couldn't save that just now. ${name?.question.en}`);
    backend.isAway = false;
    expect(await answerTo('Robin')).toBe(`Thank you. ${goal?.question.en}`);
  });

  test('hands over to the concierge who wants to stop', async () => {
    expect(await answerTo('stop')).toBe(`${simpler} All right, we go on with this another time.`);
    await expect.poll(() => session.currentAgent.id).toBe('concierge');
    expect(backend.state.answers).toEqual({});
  });

  test('does not take the same words for the next answer when the model failed after it had saved them', async () => {
    const saves = { step: 'preferred_name', answer: 'Robin' };
    const toolCall = llm.FunctionCall.create({
      callId: 'c1',
      name: 'save_onboarding_step',
      args: JSON.stringify(saves),
    });
    model.replies.push({ id: 'r1', delta: { role: 'assistant', toolCalls: [toolCall] } });
    expect(await answerTo('call me Robin')).toBe(`${simpler} ${goal?.question.en}`);
    expect(backend.state.answers).toEqual({ preferred_name: 'Robin' });
  });

  test('reads back aloud what a letter matters in, and takes a correction of it', async () => {
    const spoken: string[] = [];
    const say = (line: string) => spoken.push(line);
    const byRule = new OnboardingByRule({ call, isSpoken: () => true, say, onStop: () => {} });
    for (const words of ['Robin', "No, it's R O B Y N", "No, it's Robynn"]) await byRule.answer(words);
    expect(spoken).toEqual([
      `${simpler} Thank you, Robin, R, O, B, I, N. ${goal?.question.en}`,
      `Thank you, Robyn, R, O, B, Y, N. ${goal?.question.en}`,
      `Thank you, Robynn, R, O, B, Y, N, N. ${goal?.question.en}`,
    ]);
    await byRule.answer('to practise');
    await byRule.answer("no, it's English");
    expect(backend.state.answers).toEqual({ preferred_name: 'Robynn', goal: 'to practise' });
    expect(spoken.at(-1)).toBe(`I speak English and Dutch only. ${language?.question.en}`);
  });

  test('lets a model that is back go on, and waits for it as long as before', async () => {
    const agent = session.currentAgent as Onboarding;
    expect(agent.patienceMs).toBe(Number.POSITIVE_INFINITY);
    await answerTo('Robin');
    expect(agent.patienceMs).toBeLessThan(defaults.fillerAfterMs);
    model.replies.push({ id: 'r1', delta: { role: 'assistant', content: 'Here I am again.' } });
    expect(await answerTo('I want to practise')).toBe('Here I am again.');
    expect(backend.state.answers).toEqual({ preferred_name: 'Robin' });
    expect(agent.patienceMs).toBe(Number.POSITIVE_INFINITY);
  });
});
