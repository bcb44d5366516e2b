import { APIConnectionError, initializeLogger, llm, voice } from '@livekit/agents';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Backend } from '../../agents/backend.ts';
import type { Call } from '../../agents/call.ts';
import { Dictation } from '../../agents/roster/dictation.ts';
import { phrases } from '../../agents/turns/phrases.ts';
import { ShownText } from '../../agents/turns/shown-text.ts';
import type { Transcript } from '../../agents/turns/transcripts.ts';
import { Vocabulary } from '../../agents/turns/vocabulary.ts';
import { createLog } from '../../core/log.ts';
import { topics } from '../../domain/conversation.ts';
import { applyOperation } from '../../domain/dictation/edit-note.ts';
import { emptyNote, type NewNoteChange, type Note, noteChangeSchema, noteText, segmentsOf } from '../../domain/note.ts';

const log = createLog('test', 'silent');
const nl = (name: 'dictationReady' | 'dictationStopped' | 'nextPatient' | 'nothingNoted' | 'noNote' | 'notSaved') =>
  phrases[name].nl;

/** The API's part: the note of one session. */
class KeptNote extends Backend {
  content = emptyNote();
  summary: Note['summary'] = null;
  /** Refuses or loses everything while set. */
  isAway = false;

  override async changeNote(change: NewNoteChange): Promise<Note> {
    if (this.isAway) throw new Error('away');
    const { id, operation } = noteChangeSchema.parse(change);
    if (operation.type === 'set-summary') {
      const { text, model } = operation;
      this.summary = { text, model, isDraft: true, createdAt: new Date(0).toISOString() };
    } else this.content = applyOperation(this.content, { id, operation });
    return this.note();
  }

  override async note(): Promise<Note> {
    if (this.isAway) throw new Error('away');
    return {
      sessionId: '00000000-0000-4000-8000-000000000000',
      patients: this.content.patients,
      structured: { patients: [] },
      summary: this.summary,
      version: 1,
      updatedAt: null,
    };
  }
}

/** A model whose connection is lost after its first words. */
class BrokenOff extends llm.LLMStream {
  constructor(owner: llm.LLM, { chatCtx }: { chatCtx: llm.ChatContext }) {
    super(owner, { chatCtx, connOptions: { maxRetry: 0, retryIntervalMs: 1, timeoutMs: 1_000 } });
  }

  protected override async run(): Promise<void> {
    this.queue.put({ id: 'r1', delta: { role: 'assistant', content: 'Er is' } });
    throw new APIConnectionError({ message: 'lost' });
  }
}

describe('the dictation agent', () => {
  let session: voice.AgentSession<Call>;
  let model: voice.testing.FakeLLM;
  let agent: Dictation;
  let call: Call;
  let backend: KeptNote;
  let said: string[];
  let told: string[];
  let turns: Transcript[];
  let requests: () => number;

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  beforeEach(async () => {
    [said, told, turns] = [[], [], []];
    backend = new KeptNote('http://127.0.0.1:1', log);
    call = {
      backend,
      profile: {
        userId: '00000000-0000-4000-8000-000000000001',
        preferredName: null,
        goal: null,
        language: 'nl',
        version: 1,
        updatedAt: new Date(0).toISOString(),
      },
      onboarding: { answers: {}, skipped: [], currentStep: null, completedAt: null, version: 1 },
      language: 'nl',
      heardLanguage: '',
      vocabulary: new Vocabulary({ packs: [], load: () => Promise.reject(), onChange: () => {}, log }),
      shown: new ShownText(),
      recovered: () => {},
      tell: (topic) => told.push(topic),
      keepTurn: (turn) => turns.push(turn),
      agent: (name) => new voice.Agent<Call>({ id: name, instructions: 'Answer.' }),
    };
    model = new voice.testing.FakeLLM([{ input: 'geen karies', content: 'Er is geen cariës.' }]);
    const chat = vi.spyOn(model, 'chat');
    requests = () => chat.mock.calls.length;
    session = new voice.AgentSession<Call>({
      llm: model,
      vad: null,
      turnHandling: { turnDetection: null },
      userData: call,
    });
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'assistant') said.push(item.rawTextContent ?? '');
    });
    agent = new Dictation({ chatCtx: llm.ChatContext.empty() });
    await session.start({ agent });
    onTestFinished(() => session.close());
    await expect.poll(() => said).toEqual([nl('dictationReady')]);
  });

  const hear = (raw: string) => {
    call.listener?.heard({ raw, text: raw, edits: [], warnings: [], pack: null, language: 'nl', final: true });
  };
  const say = async (raw: string) => {
    hear(raw);
    await agent.onUserTurnCompleted();
  };
  const note = () => noteText(backend.content);

  test('writes what is said, keeps the turns, and says nothing to it', async () => {
    hear('element');
    await say('zesentwintig');
    await say('geen karies');
    await expect.poll(note).toBe('element zesentwintig geen karies');
    expect(turns.map(({ text }) => text)).toEqual(['element zesentwintig', 'geen karies']);
    await expect.poll(() => told).toEqual([topics.note, topics.note, topics.note]);
    expect(said).toHaveLength(1);
    expect(requests()).toBe(0);
  });

  test('has no model that could answer', () => {
    expect(agent.llm).toBeUndefined();
    expect(() => session.generateReply({ userInput: 'hallo' })).toThrow();
  });

  test('confirms the next patient once the turn is over, and never before', async () => {
    hear('geen karies, volgende patiënt');
    await expect.poll(() => backend.content.patients).toHaveLength(2);
    expect(said).toHaveLength(1);
    await agent.onUserTurnCompleted();
    await expect.poll(() => said.slice(1)).toEqual([nl('nextPatient')]);
  });

  test('reads the last paragraph back, with what was said just now', async () => {
    await say('lees terug');
    await expect.poll(() => said.slice(1)).toEqual([nl('nothingNoted')]);
    await say('element elf nieuwe alinea geen karies nieuwe regel controle');
    await say('lees terug');
    await expect.poll(() => said.slice(2)).toEqual(['geen karies\ncontrole']);
  });

  test('stops for good when told to, and leaves what is said then to the concierge', async () => {
    await say('geen karies');
    await say('stop dictaat');
    await expect.poll(() => said.slice(1)).toEqual([nl('dictationStopped')]);
    await expect.poll(() => session.currentAgent.id).toBe('concierge');
    expect(call.listener).toBeUndefined();
    expect(note()).toBe('geen karies');
  });

  test('takes typed text as a turn by itself', async () => {
    const type = (raw: string) => call.listener?.typed({ raw, text: raw, edits: [], warnings: [], pack: null });
    type('element elf');
    type('volgende patiënt');
    await expect.poll(() => said.slice(1)).toEqual([nl('nextPatient')]);
    expect(turns.map(({ text }) => text)).toEqual(['element elf', 'volgende patiënt']);
    expect(note()).toBe('element elf');
  });

  test('does not mix typed text with what is being said', async () => {
    hear('element');
    call.listener?.typed({ raw: 'geen karies', text: 'geen karies', edits: [], warnings: [], pack: null });
    await say('elf');
    expect(turns.map(({ text }) => text)).toEqual(['element', 'geen karies', 'elf']);
    await expect
      .poll(() => segmentsOf(backend.content).map(({ text }) => text))
      .toEqual(['element', 'geen karies', 'elf']);
  });

  test('drafts a summary when asked to and only then, in one request', async () => {
    await say('geen karies');
    await say('maak een samenvatting');
    await expect.poll(() => said.slice(1)).toEqual([phrases.summaryReady.nl]);
    expect(backend.summary).toMatchObject({ text: 'Er is geen cariës.', isDraft: true });
    expect(requests()).toBe(1);
  });

  test.each(['a model that says nothing', 'a model that fails in the middle'])(
    'keeps no summary of %s',
    async (which) => {
      await say('iets anders');
      if (which.includes('fails'))
        vi.spyOn(model, 'chat').mockImplementation((request) => new BrokenOff(model, request));
      await say('maak een samenvatting');
      await expect.poll(() => said.slice(1)).toEqual([phrases.noSummary.nl]);
      expect(backend.summary).toBeNull();
      expect(model.listenerCount('error')).toBe(0);
    },
  );

  test('says once that nothing is saved, and that it can not get at the note', async () => {
    backend.isAway = true;
    await say('element elf');
    await say('geen karies');
    await expect.poll(() => said.slice(1)).toEqual([nl('notSaved')]);
    await say('lees terug');
    await expect.poll(() => said.slice(2)).toEqual([nl('noNote')]);
  });

  test('tells nobody when the call has ended before a change was refused', async () => {
    let refuse = () => {};
    vi.spyOn(backend, 'changeNote').mockImplementation(
      () =>
        new Promise((_, reject) => {
          refuse = () => reject(new Error('refused'));
        }),
    );
    await say('geen karies');
    await say('lees terug');
    await session.close();
    expect(call.listener).toBeUndefined();
    refuse();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(said).toHaveLength(1);
  });

  test('speaks the language that was heard last', async () => {
    call.heardLanguage = 'en-US';
    await say('next patient');
    await expect.poll(() => said.slice(1)).toEqual([phrases.nextPatient.en]);
  });
});
