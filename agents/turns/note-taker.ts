import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import type { DictationCommand } from '../../domain/dictation/command-phrases.ts';
import { splitCommands } from '../../domain/dictation/commands.ts';
import type { NewNoteChange, Note } from '../../domain/note.ts';
import { isUnknown, type NormalizedText } from './normalize.ts';
import type { Transcript } from './transcripts.ts';

/** What is asked of a note, by whoever writes it. */
type Operation = NewNoteChange['operation'];

/** What taking notes needs of its surroundings. */
interface NoteTakerOptions {
  /** Changes the note, one change after another; keeps trying while the API is away. */
  change(change: NewNoteChange): Promise<Note>;
  normalize(text: string, language: string): NormalizedText;
  /** Told of the note after each change. */
  onNote(note: Note): void;
  /** A change was refused, or is not saved after `unsavedMs`; once until something is saved again. */
  onUnsaved(): void;
}

/** A piece of text that grows while its turn is spoken. */
interface OpenSegment {
  id: string;
  raw: string;
  language: string;
  saidAt: string;
}

/** What somebody who dictates may wait for before they are told that it is not saved. */
const unsavedMs = 10_000;
/** A turn this long goes on in another segment. */
const longestSegmentCharacters = sizes.turnCharacters / 8;
/** Commands that are a change of the note and nothing else; the others ask for an answer. */
const operations: Partial<Record<DictationCommand, Operation>> = {
  'new-line': { type: 'new-line' },
  'new-paragraph': { type: 'new-paragraph' },
  'next-patient': { type: 'next-patient' },
  undo: { type: 'undo' },
  'delete-last': { type: 'delete-last' },
};

/**
 * Writes down what is said, in the order it is said in. The text of a turn is one segment, normalized as a whole and written
 * again with each final transcript, so that words on both sides of a pause are read together. A command ends it.
 */
export class NoteTaker {
  readonly #options: NoteTakerOptions;
  #open: OpenSegment | undefined;
  #turn: { raw: string; language: string } = { raw: '', language: '' };
  #last: Promise<Note | undefined> = Promise.resolve(undefined);
  #isWarned = false;

  constructor(options: NoteTakerOptions) {
    this.#options = options;
  }

  /** Takes a final transcript, as it was heard. @returns the commands in it */
  hear(raw: string, language: string): DictationCommand[] {
    this.#turn = extended(this.#turn, raw, language);
    const commands: DictationCommand[] = [];
    for (const piece of splitCommands(raw)) {
      if (piece.kind === 'text') this.#write(piece.text.trim(), language);
      else {
        commands.push(piece.command);
        this.#open = undefined;
        const operation = operations[piece.command];
        if (operation) this.change(operation);
      }
    }
    return commands;
  }

  /** The turn is over: what is said next is a segment of its own. @returns all that was said in it, undefined if nothing */
  endTurn(): Transcript | undefined {
    const { raw, language } = this.#turn;
    this.#turn = { raw: '', language: '' };
    this.#open = undefined;
    return raw ? this.#options.normalize(raw, language) : undefined;
  }

  /** Asks for a change, after those that were asked for before. */
  change(operation: Operation): void {
    const warning = setTimeout(() => this.#warn(), unsavedMs);
    this.#last = this.#options
      .change({ id: newId(), operation })
      .then(
        (note) => {
          this.#isWarned = false;
          this.#options.onNote(note);
          return note;
        },
        () => {
          this.#warn();
          return undefined;
        },
      )
      .finally(() => clearTimeout(warning));
  }

  /** The note once everything asked for so far is saved; undefined when nothing was asked for, or the last was refused. */
  saved(): Promise<Note | undefined> {
    return this.#last;
  }

  #write(said: string, language: string): void {
    if (!said) return;
    if (this.#open && this.#open.raw.length + said.length > longestSegmentCharacters) this.#open = undefined;
    const begun = this.#open ?? { id: newId(), saidAt: new Date().toISOString(), raw: '', language: '' };
    this.#open = { ...begun, ...extended(begun, said, language) };
    const { id, saidAt } = this.#open;
    const { raw, text, edits, pack } = this.#options.normalize(this.#open.raw, this.#open.language);
    const spoken = this.#open.language || null;
    this.change({ type: 'write', segment: { id, raw, text, edits, pack, language: spoken, saidAt } });
  }

  #warn(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#options.onUnsaved();
  }
}

/** Adds to what was said; the language is the first that was recognised, since a short piece is easily taken for another. */
function extended<T extends { raw: string; language: string }>(so: T, said: string, language: string) {
  return {
    raw: so.raw ? `${so.raw} ${said}` : said,
    language: so.language || (isUnknown(language) ? '' : language),
  };
}
