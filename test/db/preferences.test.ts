import { describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { mergePatch, preferenceValuesSchema } from '../../domain/preferences.ts';
import { getPreferences, replacePreferences, updatePreferences } from '../../services/preferences.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('preferences', (world) => {
  it('begin empty and count their writes', async () => {
    const user = await world().newUser();
    const context = world().context(user);
    expect(await getPreferences(context)).toEqual({ userId: user.userId, values: {}, version: 1 });
    await updatePreferences(context, { patch: { pace: { words: 120, pauses: true }, theme: 'dark' } });
    const patched = await updatePreferences(context, { patch: { pace: { words: 90 }, theme: null } });
    expect(patched).toEqual({ userId: user.userId, values: { pace: { words: 90, pauses: true } }, version: 3 });
    expect(await replacePreferences(context, { values: { theme: null } })).toMatchObject({
      values: { theme: null },
      version: 4,
    });
    expect(await getPreferences(context)).toMatchObject({ values: { theme: null }, version: 4 });
  });

  it('keep every one of the patches that come together', async () => {
    const context = world().context(await world().newUser());
    const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
    await Promise.all(names.map((name) => updatePreferences(context, { patch: { [name]: true } })));
    const { values, version } = await getPreferences(context);
    expect(Object.keys(values).sort()).toEqual(names);
    expect(version).toBe(11);
  });

  it('change on the version their writer saw and on no other', async () => {
    const context = world().context(await world().newUser());
    await updatePreferences(context, { patch: { a: 1 }, ifVersions: [1] });
    const late = updatePreferences(context, { patch: { b: 1 }, ifVersions: [1] });
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed' });
    await expect(replacePreferences(context, { values: {}, ifVersions: [] })).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    expect(await updatePreferences(context, { patch: { b: 1 }, ifVersions: [7, 2] })).toMatchObject({
      values: { a: 1, b: 1 },
    });
  });

  it('do not grow without end, patch by patch', async () => {
    const context = world().context(await world().newUser());
    const part = 'x'.repeat(sizes.preferencesCharacters / 2);
    await updatePreferences(context, { patch: { a: part } });
    await expect(updatePreferences(context, { patch: { b: part } })).rejects.toMatchObject({ code: 'invalid_input' });
    expect(await getPreferences(context)).toMatchObject({ values: { a: part }, version: 2 });
  });

  it('refuse a character no text may hold', async () => {
    const context = world().context(await world().newUser());
    const refused = updatePreferences(context, { patch: { a: '\u0000' } });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input' });
  });

  it('are not found without a user', async () => {
    const nobody = world().context({ ...(await world().newUser()), userId: newId() });
    await expect(getPreferences(nobody)).rejects.toMatchObject({ code: 'not_found' });
    await expect(updatePreferences(nobody, { patch: {} })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a merge patch', () => {
  // The cases of RFC 7396, appendix A, whose target and patch are objects.
  it.each<[object, object, object]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('makes of %j and %j %j', (target, patch, result) => {
    expect(mergePatch({ ...target }, { ...patch })).toEqual(result);
  });

  it('changes neither of its inputs, and no prototype', () => {
    const target = { a: { b: 1 } };
    mergePatch(target, { a: { b: 2 } });
    expect(target).toEqual({ a: { b: 1 } });
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"admin": true}}'));
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect('admin' in {}).toBe(false);
  });

  it('is refused when it is nested too deep', () => {
    const nested = (depth: number): object => (depth ? { a: nested(depth - 1) } : {});
    expect(preferenceValuesSchema.safeParse(nested(sizes.preferencesDepth - 1)).success).toBe(true);
    expect(preferenceValuesSchema.safeParse(nested(sizes.preferencesDepth)).success).toBe(false);
    const bottomless: unknown = JSON.parse(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    expect(preferenceValuesSchema.safeParse(bottomless).success).toBe(false);
  });
});
