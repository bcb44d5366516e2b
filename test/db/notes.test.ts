import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { notes } from '../../db/schema/notes.ts';
import { pairings } from '../../db/schema/pairings.ts';
import type { Actor } from '../../domain/actor.ts';
import { type NewNoteChange, noteChangeSchema, noteSchema, noteText, segmentsOf } from '../../domain/note.ts';
import { eraseUser } from '../../services/erasure.ts';
import { getEffectiveLexicon } from '../../services/lexicons.ts';
import { changeNote, getNote } from '../../services/notes.ts';
import { readPairingEvents } from '../../services/pairing-events.ts';
import { createPairing } from '../../services/pairings.ts';
import { exportUser } from '../../services/user-export.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

type Operation = NewNoteChange['operation'];

const saidAt = '2026-11-20T10:00:00.123Z';
const raw = 'karius op element zesentwintig';
const edits = [
  { input: { start: 0, end: 6 }, output: { start: 0, end: 6 }, rule: 'lexicon' },
  { input: { start: 18, end: 30 }, output: { start: 18, end: 20 }, rule: 'tooth' },
];
const write = (
  text: string,
  more: { id?: string; raw?: string; edits?: typeof edits; pack?: string | null } = {},
): Operation => ({
  type: 'write',
  segment: { id: newId(), raw: text, text, edits: [], pack: 'nl-dental', language: 'nl', saidAt, ...more },
});
/** What normalization makes of a sentence with a misheard word. */
const writeNormalized = (id: string, more: { pack?: string | null } = {}) =>
  write('cariës op element 26', { id, raw, edits, ...more });

describeOnBothDatabases('notes', (world) => {
  const newCall = async () => {
    const user = await world().newUser();
    const session = await world().newSession(user);
    return { user, sessionId: session.id, agent: await world().claim(user, session) };
  };
  const change = (
    actor: Actor,
    sessionId: string,
    operation: Operation,
    more: { id?: string; ifVersions?: number[] } = {},
  ) => {
    const { id = newId(), ifVersions } = more;
    const parsed = noteChangeSchema.parse({ id, operation });
    return changeNote(world().context(actor), { sessionId, change: parsed, ifVersions });
  };
  const read = (actor: Actor, sessionId: string) => getNote(world().context(actor), { sessionId });

  it('are empty before anything is noted', async () => {
    const { user, sessionId } = await newCall();
    expect(await read(user, sessionId)).toEqual({
      sessionId,
      patients: [{ paragraphs: [{ lines: [{ segments: [] }] }] }],
      structured: {
        patients: [
          {
            teeth: [],
            general: { findings: [], treatments: [], materials: [], appliances: [], others: [] },
            perio: { dpsi: [], pockets: [], mobility: [], bleeding: [] },
          },
        ],
      },
      summary: null,
      version: 0,
      updatedAt: null,
    });
  });

  it('are written by the agent and by the user, and read as data', async () => {
    const { user, agent, sessionId } = await newCall();
    const id = newId();
    await change(agent, sessionId, writeNormalized(id));
    const changed = await change(user, sessionId, { type: 'revise', segmentId: id, text: 'cariës op element 27' });
    expect(changed.version).toBe(2);
    expect(noteText(changed)).toBe('cariës op element 27');
    expect(changed.structured.patients[0]?.teeth).toMatchObject([{ tooth: 27, findings: [{ term: 'cariës' }] }]);
    expect(noteSchema.parse(changed)).toEqual(changed);
    for (const actor of [user, agent]) expect(await read(actor, sessionId)).toEqual(changed);
  });

  it('lose nothing of two writers at once, nor note anything twice', async () => {
    const { user, agent, sessionId } = await newCall();
    const changes = Array.from({ length: 50 }, (_, index) => ({
      actor: index % 2 ? user : agent,
      id: newId(),
      operation: write(`word${index}`),
    }));
    await Promise.all(
      [...changes, ...changes.slice(0, 10)].map(({ actor, id, operation }) =>
        change(actor, sessionId, operation, { id }),
      ),
    );
    const note = await read(user, sessionId);
    expect(note.version).toBe(50);
    expect(
      segmentsOf(note)
        .map(({ text }) => text)
        .sort(),
    ).toEqual(changes.map((_, index) => `word${index}`).sort());
  });

  it('answer an operation that came again with the note as it is', async () => {
    const { agent, sessionId } = await newCall();
    const id = newId();
    await change(agent, sessionId, write('a'), { id, ifVersions: [0] });
    const later = await change(agent, sessionId, write('b'));
    expect(await change(agent, sessionId, write('c'), { id, ifVersions: [0] })).toEqual(later);
  });

  it('are changed on the version that was seen, where one is named', async () => {
    const { user, sessionId } = await newCall();
    await change(user, sessionId, write('a'), { ifVersions: [0] });
    await expect(change(user, sessionId, write('b'), { ifVersions: [0] })).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    await change(user, sessionId, write('b'), { ifVersions: [1] });
    expect(noteText(await read(user, sessionId))).toBe('a b');
  });

  it('stay as they were when an operation is refused', async () => {
    const { user, sessionId } = await newCall();
    const before = await change(user, sessionId, write('a'));
    const missing = { type: 'revise', segmentId: newId(), text: 'b' } as const;
    await expect(change(user, sessionId, missing)).rejects.toMatchObject({ code: 'not_found' });
    expect(await read(user, sessionId)).toEqual(before);
  });

  it('have a draft summary by the agent alone, beside what was dictated', async () => {
    const { user, agent, sessionId } = await newCall();
    await change(agent, sessionId, write('a'));
    const summary: Operation = { type: 'set-summary', text: 'a summary', model: 'model' };
    await expect(change(user, sessionId, summary)).rejects.toMatchObject({ code: 'forbidden' });
    const note = await change(agent, sessionId, summary);
    const createdAt = world().clock.now().toISOString();
    expect(note.summary).toEqual({ text: 'a summary', isDraft: true, model: 'model', createdAt });
    expect(noteText(note)).toBe('a');
    expect((await change(user, sessionId, write('b'))).summary).toEqual(note.summary);
    expect((await read(user, sessionId)).summary).toEqual(note.summary);
  });

  it('are nobody else’s', async () => {
    const [one, other] = [await newCall(), await newCall()];
    for (const actor of [other.user, other.agent]) {
      await expect(read(actor, one.sessionId)).rejects.toMatchObject({ code: 'not_found' });
      await expect(change(actor, one.sessionId, write('a'))).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('are sealed', async () => {
    const { agent, sessionId } = await newCall();
    await change(agent, sessionId, write('vertrouwelijk'));
    await change(agent, sessionId, { type: 'set-summary', text: 'vertrouwelijk', model: 'model' });
    const [row] = await world().admin.select().from(notes).where(eq(notes.sessionId, sessionId));
    expect(world().cipher.isSealed(row?.content ?? '')).toBe(true);
    expect(JSON.stringify(row)).not.toContain('vertrouwelijk');
  });

  it('are in the copy of a user’s data, and go with the user', async () => {
    const { user, agent, sessionId } = await newCall();
    await change(agent, sessionId, write('vertrouwelijk'));
    let copy = '';
    for await (const part of await exportUser(world().context(system), user)) copy += part;
    const [exported] = JSON.parse(copy).notes;
    expect(JSON.parse(exported.content).patients).toEqual((await read(user, sessionId)).patients);
    expect((await eraseUser(world().context(system), user)).rows).toMatchObject({ notes: 1 });
    expect(await world().admin.$count(notes, eq(notes.sessionId, sessionId))).toBe(0);
  });

  it('are told to both ends of a pairing', async () => {
    const { user, agent, sessionId } = await newCall();
    const { pairing } = await createPairing(world().context(user), { sessionId });
    await change(agent, sessionId, write('a'));
    const { events } = await readPairingEvents(world().context(user), { pairingId: pairing.id, after: 0 });
    expect(events.map(({ event }) => event)).toEqual([{ type: 'note', version: 1 }]);
    await world().admin.delete(pairings);
  });

  describe('teach', () => {
    const lexiconOf = async (actor: Actor) =>
      (await getEffectiveLexicon(world().context(actor), { pack: 'nl-dental' })).user;
    const undoEdit = (segmentId: string, remember?: boolean): Operation => ({
      type: 'undo-edit',
      segmentId,
      edit: 0,
      remember,
    });

    it('that what was heard is right, at once where it shall be remembered', async () => {
      const { user, sessionId } = await newCall();
      const [first, second] = [newId(), newId()];
      for (const id of [first, second]) await change(user, sessionId, writeNormalized(id));
      await change(user, sessionId, undoEdit(first));
      expect(await lexiconOf(user)).toEqual([]);
      await change(user, sessionId, undoEdit(second, true));
      expect(await lexiconOf(user)).toMatchObject([{ canonical: 'karius' }]);
      expect(noteText(await read(user, sessionId))).toBe('karius op element 26 karius op element 26');
    });

    it('another spelling the second time an edit is corrected to it', async () => {
      const { user, sessionId } = await newCall();
      for (const id of [newId(), newId()]) {
        await change(user, sessionId, writeNormalized(id));
        expect(await lexiconOf(user)).toEqual([]);
        await change(user, sessionId, { type: 'revise', segmentId: id, text: 'cariës profunda op element 26' });
        await change(user, sessionId, { type: 'revise', segmentId: id, text: 'carieus profunda op element 26' });
      }
      expect(await lexiconOf(user)).toMatchObject([{ canonical: 'carieus', variants: ['karius'] }]);
    });

    it('nothing by a pack that is not known, nor about teeth', async () => {
      const { user, sessionId } = await newCall();
      const [unknown, known] = [newId(), newId()];
      await change(user, sessionId, writeNormalized(unknown, { pack: null }));
      await change(user, sessionId, undoEdit(unknown, true));
      await change(user, sessionId, writeNormalized(known));
      await change(user, sessionId, { type: 'undo-edit', segmentId: known, edit: 1, remember: true });
      expect(await lexiconOf(user)).toEqual([]);
    });
  });
});
