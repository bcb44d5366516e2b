import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { lexiconEntries } from '../../db/schema/lexicon-entries.ts';
import { userLexiconEntries } from '../../db/schema/user-lexicon-entries.ts';
import type { UserActor } from '../../domain/actor.ts';
import { type LexiconOwner, newLexiconEntrySchema } from '../../domain/lexicon.ts';
import { importLexicon } from '../../services/lexicon-import.ts';
import {
  addLexiconEntry,
  getEffectiveLexicon,
  getLexiconEntry,
  getLexiconVersion,
  listLexiconEntries,
  removeLexiconEntry,
  updateLexiconEntry,
} from '../../services/lexicons.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const pack = 'nl-dental';
const caries = newLexiconEntrySchema.parse({ canonical: 'cariës', category: 'finding', variants: ['karius'] });

describeOnBothDatabases('a lexicon', (world) => {
  /** An admin of a tenant that nobody else is in. */
  const newAdmin = async (): Promise<UserActor> => ({
    ...(await world().newUser(await world().newTenant())),
    roles: ['admin'],
  });
  const own = (owner: LexiconOwner) => ({ owner, pack });

  it.each(['user', 'tenant'] as const)('of a %s is added to, shown, changed and removed from', async (owner) => {
    const context = world().context(await newAdmin());
    const added = await addLexiconEntry(context, {
      ...own(owner),
      entry: { ...caries, variants: ['karius', 'karius'] },
    });
    const now = world().clock.now().toISOString();
    expect(added).toEqual({
      id: added.id,
      pack,
      ...caries,
      origin: 'added',
      corrections: 0,
      isActive: true,
      createdAt: now,
      updatedAt: now,
      version: 1,
    });
    expect(await getLexiconEntry(context, { ...own(owner), entryId: added.id })).toEqual(added);

    world().clock.advance(1_000);
    const ref = { ...own(owner), entryId: added.id };
    const changed = await updateLexiconEntry(context, { ...ref, changes: { variants: ['karies', 'cariës'] } });
    const later = world().clock.now().toISOString();
    expect(changed).toEqual({ ...added, variants: ['karies'], updatedAt: later, version: 2 });
    const respelled = { canonical: 'Cariës', category: 'diagnosis' };
    expect(await updateLexiconEntry(context, { ...ref, changes: respelled })).toMatchObject({
      ...respelled,
      version: 3,
    });
    expect((await listLexiconEntries(context, own(owner))).items).toMatchObject([{ ...respelled, version: 3 }]);

    await removeLexiconEntry(context, ref);
    expect((await listLexiconEntries(context, own(owner))).items).toEqual([]);
    for (const gone of [
      () => getLexiconEntry(context, ref),
      () => updateLexiconEntry(context, { ...ref, changes: {} }),
      () => removeLexiconEntry(context, ref),
    ]) {
      await expect(gone()).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it.each(['user', 'tenant'] as const)('of a %s has one entry for a term, however it is spelled', async (owner) => {
    const context = world().context(await newAdmin());
    const { id } = await addLexiconEntry(context, { ...own(owner), entry: caries });
    const twice = addLexiconEntry(context, { ...own(owner), entry: { ...caries, canonical: 'CARIES' } });
    await expect(twice).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(id) });
    const other = await addLexiconEntry(context, { ...own(owner), entry: { ...caries, canonical: 'pulpitis' } });
    const renamed = updateLexiconEntry(context, { ...own(owner), entryId: other.id, changes: { canonical: 'caries' } });
    await expect(renamed).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(id) });
    await expect(addLexiconEntry(context, { ...own(owner), pack: 'en-general', entry: caries })).resolves.toMatchObject(
      { pack: 'en-general' },
    );
  });

  it('changes on the version its writer saw and on no other', async () => {
    const context = world().context(await newAdmin());
    const { id: entryId } = await addLexiconEntry(context, { ...own('user'), entry: caries });
    const ref = { ...own('user'), entryId };
    await updateLexiconEntry(context, { ...ref, changes: { category: 'a' }, ifVersions: [1] });
    const stale = { code: 'precondition_failed' };
    const late = updateLexiconEntry(context, { ...ref, changes: { category: 'b' }, ifVersions: [1] });
    await expect(late).rejects.toMatchObject(stale);
    await expect(removeLexiconEntry(context, { ...ref, ifVersions: [1] })).rejects.toMatchObject(stale);
    await removeLexiconEntry(context, { ...ref, ifVersions: [2] });
  });

  it('is listed a page at a time, the newest first, those of one moment too', async () => {
    const context = world().context(await newAdmin());
    for (const owner of ['user', 'tenant'] as const) {
      for (const canonical of ['a', 'b', 'c', 'd', 'e']) {
        await addLexiconEntry(context, { ...own(owner), entry: { ...caries, canonical } });
        if (canonical > 'b') world().clock.advance(1);
      }
      const first = await listLexiconEntries(context, { ...own(owner), limit: 2 });
      const second = await listLexiconEntries(context, { ...own(owner), limit: 2, after: first.next ?? undefined });
      const third = await listLexiconEntries(context, { ...own(owner), limit: 2, after: second.next ?? undefined });
      expect(first.items.map(({ canonical }) => canonical)).toEqual(['e', 'd']);
      expect(third.next).toBeNull();
      const all = [...first.items, ...second.items, ...third.items].map(({ canonical }) => canonical);
      expect(all.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  it('is nobody else’s, and a person’s is sealed', async () => {
    const ann = await newAdmin();
    const { id: entryId } = await addLexiconEntry(world().context(ann), { ...own('user'), entry: caries });
    const bob = world().context(await world().newUser(ann.tenantId));
    expect((await listLexiconEntries(bob, own('user'))).items).toEqual([]);
    const ref = { ...own('user'), entryId };
    for (const tried of [
      () => getLexiconEntry(bob, ref),
      () => updateLexiconEntry(bob, { ...ref, changes: { category: 'mine' } }),
      () => removeLexiconEntry(bob, ref),
      () => getLexiconEntry(world().context(ann), { ...ref, owner: 'tenant' }),
    ]) {
      await expect(tried()).rejects.toMatchObject({ code: 'not_found' });
    }
    const [stored] = await world().admin.select().from(userLexiconEntries).where(eq(userLexiconEntries.id, entryId));
    expect(stored?.version).toBe(1);
    expect(JSON.stringify(stored)).not.toMatch(/cari|kari|finding/);
  });

  it('of a tenant is read by everybody in it and changed by admins and operators', async () => {
    const admin = await newAdmin();
    const { id: entryId } = await addLexiconEntry(world().context(admin), { ...own('tenant'), entry: caries });
    const clinician = { ...(await world().newUser(admin.tenantId)), roles: ['clinician'] } as const;
    const context = world().context(clinician);
    expect(await getLexiconEntry(context, { ...own('tenant'), entryId })).toMatchObject(caries);
    const changing = updateLexiconEntry(context, { ...own('tenant'), entryId, changes: { category: 'x' } });
    await expect(changing).rejects.toMatchObject({ code: 'forbidden' });
    const operator = world().context({ ...clinician, roles: ['operator'] } as const);
    await updateLexiconEntry(operator, { ...own('tenant'), entryId, changes: { category: 'x' } });
    const stranger = world().context(await newAdmin());
    expect((await listLexiconEntries(stranger, own('tenant'))).items).toEqual([]);
  });

  it('applies as the person’s before the tenant’s, the last changed first, to agents too', async () => {
    const admin = await newAdmin();
    const context = world().context(admin);
    const other = { canonical: 'pulpitis', category: 'finding', variants: [] };
    const { id: entryId } = await addLexiconEntry(context, { ...own('user'), entry: caries });
    world().clock.advance(1);
    await addLexiconEntry(context, { ...own('user'), entry: other });
    await addLexiconEntry(context, { ...own('tenant'), entry: { ...caries, variants: ['kariës'] } });
    await addLexiconEntry(context, { ...own('user'), pack: 'en-general', entry: other });
    const effective = await getEffectiveLexicon(context, { pack });
    expect(effective).toEqual({ version: '4', user: [other, caries], tenant: [{ ...caries, variants: ['kariës'] }] });
    world().clock.advance(1);
    await updateLexiconEntry(context, { ...own('user'), entryId, changes: { category: 'diagnosis' } });
    const session = await world().newSession(admin);
    const agent = world().context(await world().claim(admin, session));
    const toAgent = await getEffectiveLexicon(agent, { pack });
    expect(toAgent.user).toEqual([{ ...caries, category: 'diagnosis' }, other]);
    expect(await getEffectiveLexicon(agent, { pack: 'fr-dental' })).toEqual({ version: '5', user: [], tenant: [] });
  });

  it('has another version after every change of either owner and of any pack, and no other time', async () => {
    const context = world().context(await newAdmin());
    const versions = [await getLexiconVersion(context)];
    const noted = async () => versions.push(await getLexiconVersion(context));
    const entries: { owner: LexiconOwner; pack: string; entryId: string }[] = [];
    for (const owner of ['user', 'tenant'] as const) {
      for (const name of [pack, 'en-general']) {
        const { id: entryId } = await addLexiconEntry(context, { owner, pack: name, entry: caries });
        entries.push({ owner, pack: name, entryId });
        await noted();
      }
    }
    for (const ref of entries) {
      await updateLexiconEntry(context, { ...ref, changes: { category: 'other' } });
      await noted();
      await removeLexiconEntry(context, ref);
      await noted();
    }
    expect(versions).toEqual(Array.from({ length: 13 }, (_, index) => (versions[0] as number) + index));
    await importLexicon(context, { ...own('user'), file: 'canonical' });
    await expect(removeLexiconEntry(context, { ...own('user'), entryId: newId() })).rejects.toThrow();
    expect(await getLexiconVersion(context)).toBe(versions.at(-1));
  });

  it('keeps all of the terms that are added together', async () => {
    const context = world().context(await newAdmin());
    const names = Array.from({ length: 10 }, (_, index) => `term ${index}`);
    for (const owner of ['user', 'tenant'] as const) {
      const adding = (canonical: string) =>
        addLexiconEntry(context, { ...own(owner), entry: { ...caries, canonical } });
      await Promise.all(names.map(adding));
      const twice = await Promise.allSettled([adding('same'), adding('same'), adding('same')]);
      expect(twice.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
      const { items } = await listLexiconEntries(context, own(owner));
      expect(items.map(({ canonical }) => canonical).toSorted()).toEqual(['same', ...names].toSorted());
    }
    expect(await getLexiconVersion(context)).toBe(22);
  });

  it('takes no more entries than there may be', async () => {
    const admin = await newAdmin();
    const context = world().context(admin);
    const at = world().clock.now();
    const rows = Array.from({ length: sizes.lexiconEntries }, (_, index) => ({
      id: newId(),
      tenantId: admin.tenantId,
      pack,
      canonical: `t${index}`,
      key: `t${index}`,
      category: 'term',
      variants: [],
      origin: 'added' as const,
      createdAt: at,
      updatedAt: at,
    }));
    for (let from = 0; from < rows.length; from += 2_000) {
      await world()
        .admin.insert(lexiconEntries)
        .values(rows.slice(from, from + 2_000));
    }
    const adding = addLexiconEntry(context, { ...own('tenant'), entry: caries });
    await expect(adding).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('20000') });
    await removeLexiconEntry(context, { ...own('tenant'), entryId: rows[0]?.id ?? '' });
    await addLexiconEntry(context, { ...own('tenant'), entry: caries });
  });

  it('is not found for a user who was removed', async () => {
    const nobody = world().context({ ...(await world().newUser()), userId: newId() });
    for (const tried of [
      () => addLexiconEntry(nobody, { ...own('user'), entry: caries }),
      () => getEffectiveLexicon(nobody, { pack }),
      () => getLexiconVersion(nobody),
    ]) {
      await expect(tried()).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});
