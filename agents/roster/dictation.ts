import { llm } from '@livekit/agents';
import { topics } from '../../domain/conversation.ts';
import type { DictationCommand } from '../../domain/dictation/command-phrases.ts';
import { lineText, type Note, noteText } from '../../domain/note.ts';
import { type CallSession, languageOf } from '../call.ts';
import { normalizeText } from '../turns/normalize.ts';
import { NoteTaker } from '../turns/note-taker.ts';
import { phrases } from '../turns/phrases.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { draftSummary } from '../turns/summary.ts';

/** Phrases of an agent that says the same whoever it talks to. */
type Line = {
  [name in keyof typeof phrases]: (typeof phrases)[name]['en'] extends string ? name : never;
}[keyof typeof phrases];

/**
 * Writes down what is said, word for word: no model stands between the words and the note. It speaks only when it is asked
 * to, to confirm what can't be seen without looking up, and when something is not saved.
 */
export class Dictation extends SpokenAgent {
  readonly #history: llm.ChatContext | undefined;
  /** Kept, since what is said to a command may come when the call is with another agent. */
  #session: CallSession | undefined;
  #notes: NoteTaker | undefined;
  /** Commands that are answered when their turn is over: its end would cut the answer off. */
  #unanswered: DictationCommand[] = [];
  #isUnsaved = false;

  constructor(options?: AgentOptions) {
    super({ id: 'dictation', instructions: 'Take dictation.', ...options, llm: null });
    this.#history = options?.chatCtx;
  }

  override async onEnter(): Promise<void> {
    this.#session = this.session;
    const call = this.session.userData;
    const notes = new NoteTaker({
      change: (change) => call.backend.changeNote(change),
      normalize: (text, language) => normalizeText(call.vocabulary.normalizers, text, language),
      onNote: (note) => call.tell(topics.note, note),
      onUnsaved: () => this.#warn(),
    });
    this.#notes = notes;
    call.listener = {
      heard: ({ raw, language }) => this.#unanswered.push(...notes.hear(raw, language)),
      typed: ({ raw }) => {
        // What is being said meanwhile goes on as another turn.
        this.#endTurn(notes);
        const commands = notes.hear(raw, '');
        this.#endTurn(notes);
        this.#answer(commands);
      },
    };
    this.#say('dictationReady');
  }

  override async onExit(): Promise<void> {
    this.session.userData.listener = undefined;
  }

  /** The end of a spoken turn. There is no model to reply to it. */
  override async onUserTurnCompleted(): Promise<void> {
    if (this.#notes) this.#endTurn(this.#notes);
    this.#answer(this.#unanswered.splice(0));
    if (this.#isUnsaved) this.#warn();
  }

  #endTurn(notes: NoteTaker): void {
    const turn = notes.endTurn();
    if (turn) this.#session?.userData.keepTurn(turn);
  }

  #answer(commands: readonly DictationCommand[]): void {
    for (const command of commands) {
      if (command === 'next-patient') this.#say('nextPatient');
      if (command === 'read-back') void this.#readBack();
      if (command === 'draft-summary') void this.#draftSummary();
      if (command === 'stop') this.#stop();
    }
  }

  async #readBack(): Promise<void> {
    const note = await this.#note();
    if (!note) return this.#say('noNote');
    const text = lastParagraph(note);
    if (text) this.#speak(text);
    else this.#say('nothingNoted');
  }

  async #draftSummary(): Promise<void> {
    const note = await this.#note();
    if (!note) return this.#say('noNote');
    const text = noteText(note);
    if (!text) return this.#say('nothingNoted');
    const model = this.#session?.llm;
    const summary = model instanceof llm.LLM ? await draftSummary(model, text) : undefined;
    if (!model || !summary) return this.#say('noSummary');
    this.#notes?.change({ type: 'set-summary', text: summary, model: model.model });
    if (await this.#notes?.saved()) this.#say('summaryReady');
  }

  /** The note with all that was dictated so far; undefined when it can't be had. */
  async #note(): Promise<Note | undefined> {
    const saved = await this.#notes?.saved();
    return saved ?? this.#session?.userData.backend.note().catch(() => undefined);
  }

  #stop(): void {
    const call = this.session.userData;
    call.listener = undefined;
    this.#say('dictationStopped');
    // With what was said before dictation: a model has no business with the note.
    this.session.updateAgent(call.agent('concierge', this.#history));
  }

  /** Says that something is not saved, but not into the words of somebody who dictates. */
  #warn(): void {
    this.#isUnsaved = this.#session?.userState === 'speaking';
    if (!this.#isUnsaved) this.#say('notSaved');
  }

  #say(line: Line): void {
    if (this.#session) this.#speak(phrases[line][languageOf(this.#session.userData)]);
  }

  #speak(text: string): void {
    try {
      this.#session?.say(text);
    } catch {
      // The call has ended since this was asked for.
    }
  }
}

/** The last paragraph of the present patient that says something, its lines one after another. */
function lastParagraph({ patients }: Note): string {
  const texts = (patients.at(-1)?.paragraphs ?? []).map(({ lines }) => lines.map(lineText).filter(Boolean).join('\n'));
  return texts.findLast(Boolean) ?? '';
}
