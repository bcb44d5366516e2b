import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { createFieldCipher } from '../../core/crypto/field-cipher.ts';
import { userLexiconEntries } from '../../db/schema/user-lexicon-entries.ts';
import { rotateKeys } from '../../services/encryption.ts';
import { eraseUser } from '../../services/erasure.ts';
import { correct } from '../../services/lexicon-learning.ts';
import { addLexiconEntry, getEffectiveLexicon, getLexiconVersion } from '../../services/lexicons.ts';
import { exportUser } from '../../services/user-export.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

const own = { owner: 'user', pack: 'nl-dental' } as const;
const caries = { canonical: 'cariës', category: 'finding', variants: ['karies'] };
const [oldKey, newKey] = [`test:${'ab'.repeat(32)}`, `newer:${'cd'.repeat(32)}`];
const cipherOf = (...keys: string[]) => createFieldCipher(parseEncryptionKeys(keys.join(',')));

describeOnBothDatabases('a person’s lexicon', (world) => {
  it('is the same with new keys, and one entry a term while they are changed', async () => {
    const user = await world().newUser();
    const before = world().context(user);
    await addLexiconEntry(before, { ...own, entry: caries });
    await correct(before, { ...own, spoken: 'komposiet', written: 'composiet', rule: 'hand', remember: false });

    const during = { ...before, cipher: cipherOf(newKey, oldKey) };
    const again = { ...own, entry: { ...caries, canonical: 'CARIES' } };
    await expect(addLexiconEntry(during, again)).rejects.toMatchObject({ code: 'conflict' });
    const { columns, faults } = await rotateKeys({ ...world().context(system), cipher: during.cipher });
    expect(faults).toEqual([]);
    expect(columns).toContainEqual({ column: 'user_lexicon_entries.term', rotated: 2, left: 0 });

    const after = { ...before, cipher: cipherOf(newKey) };
    expect((await getEffectiveLexicon(after, own)).user).toEqual([caries]);
    await expect(addLexiconEntry(after, again)).rejects.toMatchObject({ code: 'conflict' });
    const second = { ...own, spoken: 'komposiet', written: 'composiet', rule: 'hand', remember: false };
    expect(await correct(after, second)).toBe('learned');
    const rows = await world()
      .admin.select()
      .from(userLexiconEntries)
      .where(eq(userLexiconEntries.userId, user.userId));
    expect(rows.map(({ keyIndex }) => keyIndex).toSorted()).toEqual(
      ['caries', 'composiet'].map((term) => after.cipher.index('lexicon', term)).toSorted(),
    );
  });

  it('that was damaged is left by a change of keys, and told without a word of it', async () => {
    const user = await world().newUser();
    const { id } = await addLexiconEntry(world().context(user), { ...own, entry: caries });
    const { admin, cipher } = world();
    const term = cipher.seal(`user_lexicon_entries.term:${id}`, 'secret words');
    await admin.update(userLexiconEntries).set({ term }).where(eq(userLexiconEntries.id, id));
    const { faults } = await rotateKeys({ ...world().context(system), cipher: cipherOf(newKey, oldKey) });
    expect(faults).toEqual(['A value of user_lexicon_entries.term is no term']);
    await admin.delete(userLexiconEntries).where(eq(userLexiconEntries.id, id));
  });

  it('is in the copy of their data as they know it, without digests', async () => {
    const user = await world().newUser();
    await addLexiconEntry(world().context(user), { ...own, entry: caries });
    let text = '';
    for await (const piece of await exportUser(world().context(system), { userId: user.userId })) text += piece;
    const { user_lexicon_entries: entries } = JSON.parse(text);
    expect(entries).toMatchObject([{ pack: 'nl-dental', origin: 'added', is_active: true }]);
    expect(JSON.parse(entries[0].term)).toMatchObject(caries);
    expect(text).not.toContain('key_index');
  });

  it('goes with them', async () => {
    const [gone, kept] = [await world().newUser(), await world().newUser()];
    for (const user of [gone, kept]) await addLexiconEntry(world().context(user), { ...own, entry: caries });
    const { rows } = await eraseUser(world().context(system), { userId: gone.userId });
    expect(rows).toMatchObject({ user_lexicon_entries: 1 });
    await expect(getLexiconVersion(world().context(gone))).rejects.toMatchObject({ code: 'not_found' });
    const left = await world().admin.select().from(userLexiconEntries);
    expect(left.map(({ userId }) => userId)).not.toContain(gone.userId);
    expect((await getEffectiveLexicon(world().context(kept), own)).user).toEqual([caries]);
  });
});
