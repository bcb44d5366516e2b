import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Caller, type Shown } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { patience } from '../support/voice-call.ts';

describe.skipIf(!inject('livekit'))('the agents of the roster', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  async function call(metadata: object = {}) {
    const agents = [{ agent_name: '', metadata: JSON.stringify({ modality: 'text', ...metadata }) }];
    const { server_url, participant_token } = await stack.token({ room_config: { agents } });
    const shown: Shown[] = [];
    const caller = new Caller({ shown: (piece) => void (piece.speaker === 'agent' && shown.push(piece)) });
    await caller.join(server_url, participant_token, { microphone: false });
    await caller.waitForAgent(patience.timeout);
    const answers = () => shown.map(({ text }) => text.trim());
    const isTold = (words: string) => expect.poll(() => answers().at(-1), patience).toBe(words);
    const ask = async (question: string, words: string) => {
      await caller.type(question);
      await isTold(words);
    };
    return { caller, answers, isTold, ask };
  }

  test('hand a caller round, each opening once, and back to the concierge', async () => {
    const { caller, answers, isTold, ask } = await call();
    await isTold('Hello, this is Parley. What can I do for you?');
    await ask('I need a speaking coach', "Let's practise. What would you like to speak about, and to whom?");
    await ask('about tides, to my class', 'I heard: about tides, to my class.');
    await ask('let us look back', 'Let us look back. What would you like to know about this session?');
    await ask('what did I say', 'The first thing you said was: I need a speaking coach');
    await ask('I am done here', 'What else can I do for you?');
    await ask('I need a companion', 'I am here to help. What should I keep for you, or change?');
    await ask('keep that I like short answers', 'I will keep that I like short answers.');
    expect(await stack.get('/api/v1/preferences')).toEqual({ companion: { wish: 'I like short answers' } });
    await ask('what do you keep', 'I keep that I like short answers.');
    await ask('forget it', 'I have forgotten it.');
    expect(await stack.get('/api/v1/preferences')).toEqual({ companion: {} });
    await ask('back to the beginning', 'What else can I do for you?');
    expect(answers()).toHaveLength(11);
    await caller.leave();
  });

  test.each([
    ['oracy', "Let's practise. What would you like to speak about, and to whom?"],
    ['scout', 'Let us look back. What would you like to know about this session?'],
    ['companion', 'I am here to help. What should I keep for you, or change?'],
  ])('can each begin a call: %s', async (agent, opening) => {
    const { caller, answers, isTold } = await call({ agent });
    await isTold(opening);
    expect(answers()).toHaveLength(1);
    await caller.leave();
  });
});
