import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { notes } from '../db/schema/notes.ts';
import { sessions } from '../db/schema/sessions.ts';
import { applyOperation, segmentOf } from '../domain/dictation/edit-note.ts';
import { correctionOf, heardOf } from '../domain/dictation/revision.ts';
import type { Correction } from '../domain/lexicon.ts';
import type { Edit } from '../domain/normalization/result.ts';
import {
  emptyNote,
  type Note,
  type NoteChange,
  type NoteContent,
  type NoteOperation,
  type NoteSummary,
  noteContentSchema,
  noteSummarySchema,
} from '../domain/note.ts';
import type { Context } from './context.ts';
import { open, seal } from './fields.ts';
import { learnCorrection } from './lexicon-learning.ts';
import { publishToPairing } from './pairing-events.ts';
import { requirePermission, requireSession, sessionNotFound } from './permissions.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';

/** A note as it is kept, opened. */
interface OpenNote {
  content: NoteContent;
  summary: NoteSummary | null;
  /** 0: nothing is kept yet. */
  version: number;
  updatedAt: Date | null;
}

const blank: OpenNote = { content: emptyNote(), summary: null, version: 0, updatedAt: null };

/** The note of a session; empty as long as nothing was noted. @throws AppError `not_found` for a session the actor may not see. */
export async function getNote(context: Context, { sessionId }: { sessionId: string }): Promise<Note> {
  requirePermission(context.actor, 'notes.read');
  requireSession(context.actor, sessionId);
  return withActor(context, async (tx) => {
    const [session] = await tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, sessionId));
    if (!session) throw sessionNotFound();
    return noteOf(context, sessionId, await readNote(context, tx, sessionId));
  });
}

/**
 * Applies an operation to the note of a session, one writer after another, so that none loses what another has written. Its
 * id is the idempotency key: the same one again changes nothing. What somebody corrects teaches their lexicon.
 * @returns the note as it is then
 * @throws AppError `not_found` for a session the actor may not see and for a segment or edit that isn't there,
 * `precondition_failed` when the note has another version by now, `conflict` when it would become too large, `forbidden` for
 * a summary by anybody but the agent.
 */
export async function changeNote(
  context: Context,
  { sessionId, change, ifVersions }: { sessionId: string; change: NoteChange } & IfVersions,
): Promise<Note> {
  const actor = requirePermission(context.actor, 'notes.write');
  requireSession(actor, sessionId);
  const { operation } = change;
  if (operation.type === 'set-summary' && actor.kind !== 'agent') {
    throw new AppError('forbidden', 'Only an agent sets the summary: ask it for one');
  }

  return withActor(context, async (tx) => {
    // Locked is the session: there may be no note yet.
    const [session] = await tx
      .select({ id: sessions.id })
      .from(sessions)
      .where(eq(sessions.id, sessionId))
      .for('no key update');
    if (!session) throw sessionNotFound();
    const before = await readNote(context, tx, sessionId);
    const content = applyOperation(before.content, change);
    if (content === before.content) return noteOf(context, sessionId, before);
    requireVersion(before.version, ifVersions);

    const now = context.clock();
    const summary = operation.type === 'set-summary' ? draftOf(operation, now) : before.summary;
    const after = { content, summary, version: before.version + 1, updatedAt: now };
    await saveNote(context, tx, { ...actor, sessionId }, after);
    const changed = noteOf(context, sessionId, after);
    await publishToPairing(context, tx, sessionId, { type: 'note', version: changed.version });
    const correction = lessonOf(before.content, operation);
    if (correction) await learnCorrection({ ...context, actor }, tx, correction);
    return changed;
  });
}

async function readNote(context: Context, tx: Transaction, sessionId: string): Promise<OpenNote> {
  const [row] = await tx.select().from(notes).where(eq(notes.sessionId, sessionId));
  if (!row) return blank;
  const summary = open(context, notes.summary, sessionId, row.summary);
  return {
    content: noteContentSchema.parse(JSON.parse(open(context, notes.content, sessionId, row.content))),
    summary: summary === null ? null : noteSummarySchema.parse(JSON.parse(summary)),
    version: row.version,
    updatedAt: row.updatedAt,
  };
}

async function saveNote(
  context: Context,
  tx: Transaction,
  { tenantId, userId, sessionId }: { tenantId: string; userId: string; sessionId: string },
  { content, summary, version, updatedAt }: OpenNote & { updatedAt: Date },
): Promise<void> {
  const changed = {
    content: seal(context, notes.content, sessionId, JSON.stringify(content)),
    summary: seal(context, notes.summary, sessionId, summary && JSON.stringify(summary)),
    version,
    updatedAt,
  };
  await tx
    .insert(notes)
    .values({ sessionId, tenantId, userId, createdAt: updatedAt, ...changed })
    .onConflictDoUpdate({ target: notes.sessionId, set: changed });
}

function noteOf(context: Context, sessionId: string, { content, summary, version, updatedAt }: OpenNote): Note {
  return {
    sessionId,
    patients: content.patients,
    structured: context.structureNote(content),
    summary,
    version,
    updatedAt: updatedAt?.toISOString() ?? null,
  };
}

function draftOf({ text, model }: NoteOperation & { type: 'set-summary' }, now: Date): NoteSummary {
  return { text, isDraft: true, model, createdAt: now.toISOString() };
}

/** What an operation that was applied says about a spelling: an edit undone means that what was heard is right. */
function lessonOf(note: NoteContent, operation: NoteOperation): (Correction & { pack: string }) | undefined {
  if (operation.type !== 'undo-edit' && operation.type !== 'revise') return undefined;
  const segment = segmentOf(note, operation.segmentId);
  const { pack, raw, edits } = segment;
  if (pack === null) return undefined;
  if (operation.type === 'revise') {
    const correction = correctionOf(segment, operation.text);
    return correction && { pack, remember: false, ...correction };
  }
  const edit = edits[operation.edit] as Edit;
  const spoken = heardOf(raw, edit);
  return { pack, spoken, written: spoken, rule: edit.rule, remember: operation.remember };
}
