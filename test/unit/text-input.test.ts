import { initializeLogger, voice } from '@livekit/agents';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { textInputHandler } from '../../agents/turns/text-input.ts';
import type { Transcript } from '../../agents/turns/transcripts.ts';
import { sizes } from '../../core/limits.ts';

const tooLong = 'That is too long.';

/** A running session that only types, its handler, and what the handler told. */
async function startSession() {
  const session = new voice.AgentSession({
    llm: new voice.testing.FakeLLM([
      { input: 'ONE', content: 'first answer' },
      { input: 'TWO', content: 'second answer' },
    ]),
    vad: null,
    turnHandling: { turnDetection: null },
  });
  await session.start({ agent: new voice.Agent({ instructions: 'Answer.' }) });
  onTestFinished(() => session.close());
  const taken: Transcript[] = [];
  const handle = textInputHandler({
    normalize: (raw) => ({ raw, text: raw.toUpperCase(), edits: [] }),
    onMessage: (message) => {
      taken.push(message);
      return message.raw === 'for somebody else';
    },
    tooLong,
  });
  return { session, taken, type: (text: string) => void handle(session, { text }) };
}

/** What one side has said so far, in order. */
function said(session: voice.AgentSession, role: 'user' | 'assistant'): string[] {
  return session.history.items.flatMap((item) =>
    item.type === 'message' && item.role === role ? [item.rawTextContent ?? ''] : [],
  );
}

/** Speech that lasts until it is ended. */
function lastingSpeech() {
  let end = () => {};
  const words = new ReadableStream<string>({
    start(controller) {
      controller.enqueue('This has to be said');
      end = () => controller.close();
    },
  });
  return { words, end: () => end() };
}

describe('the text input handler', () => {
  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  test('has a message normalized, tells of it and has it answered', async () => {
    const { session, taken, type } = await startSession();
    type('  one \n');
    await expect.poll(() => said(session, 'assistant')).toEqual(['first answer']);
    expect(said(session, 'user')).toEqual(['ONE']);
    expect(taken).toEqual([{ raw: 'one', text: 'ONE', edits: [] }]);
  });

  test('leaves a message to whoever takes it', async () => {
    const { session, taken, type } = await startSession();
    type('for somebody else');
    type('one');
    await expect.poll(() => said(session, 'assistant')).toEqual(['first answer']);
    expect(said(session, 'user')).toEqual(['ONE']);
    expect(taken.map(({ raw }) => raw)).toEqual(['for somebody else', 'one']);
  });

  test('loses no message typed during speech that may not be interrupted', async () => {
    const { session, type } = await startSession();
    const speech = lastingSpeech();
    const handle = session.say(speech.words, { allowInterruptions: false });
    await expect.poll(() => session.agentState).toBe('speaking');
    type('one');
    type('two');
    speech.end();
    await expect
      .poll(() => said(session, 'assistant'))
      .toEqual(['This has to be said', 'first answer', 'second answer']);
    expect(said(session, 'user')).toEqual(['ONE', 'TWO']);
    expect(handle.interrupted).toBe(false);
  });

  test('interrupts speech that may be interrupted, and takes messages in the order they were typed', async () => {
    const { session, taken, type } = await startSession();
    const speech = lastingSpeech();
    const handle = session.say(speech.words);
    await expect.poll(() => session.agentState).toBe('speaking');
    type('one');
    type('two');
    speech.end();
    await expect.poll(() => said(session, 'assistant')).toContain('second answer');
    expect(handle.interrupted).toBe(true);
    expect(taken.map(({ text }) => text)).toEqual(['ONE', 'TWO']);
  });

  test('says so when a message is too long, and takes one that just fits', async () => {
    const { session, taken, type } = await startSession();
    type('x'.repeat(sizes.typedMessageCharacters + 1));
    await expect.poll(() => said(session, 'assistant')).toEqual([tooLong]);
    expect(taken).toEqual([]);
    type(` ${'x'.repeat(sizes.typedMessageCharacters)} `);
    await expect.poll(() => taken).toHaveLength(1);
  });

  test('passes over a message of nothing but white space', async () => {
    const { session, taken, type } = await startSession();
    type(' \n\t');
    type('one');
    await expect.poll(() => said(session, 'assistant')).toEqual(['first answer']);
    expect(taken).toHaveLength(1);
  });
});
