import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { devices } from '../../db/schema/devices.ts';
import { newDeviceSchema } from '../../domain/device.ts';
import { addDevice, getDevice, listDevices, removeDevice, updateDevice } from '../../services/devices.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const phone = newDeviceSchema.parse({ name: "Ann's phone", platform: 'ios', pushToken: 'push-token-1' });

describeOnBothDatabases('devices', (world) => {
  const stored = async (id: string) => (await world().admin.select().from(devices).where(eq(devices.id, id)))[0];

  it('are added, shown without their push token, changed and removed', async () => {
    const context = world().context(await world().newUser());
    const added = await addDevice(context, phone);
    const now = world().clock.now().toISOString();
    expect(added).toEqual({
      id: added.id,
      name: "Ann's phone",
      platform: 'ios',
      hasPushToken: true,
      createdAt: now,
      lastSeenAt: now,
    });
    expect(await getDevice(context, { deviceId: added.id })).toEqual(added);

    world().clock.advance(1_000);
    const renamed = await updateDevice(context, { deviceId: added.id, changes: { name: 'Work phone' } });
    expect(renamed).toEqual({ ...added, name: 'Work phone', lastSeenAt: world().clock.now().toISOString() });
    const silenced = await updateDevice(context, { deviceId: added.id, changes: { pushToken: null } });
    expect(silenced).toMatchObject({ name: 'Work phone', hasPushToken: false });

    await removeDevice(context, { deviceId: added.id });
    expect(await stored(added.id)).toBeUndefined();
    await expect(removeDevice(context, { deviceId: added.id })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are stored sealed', async () => {
    const { id } = await addDevice(world().context(await world().newUser()), phone);
    expect(JSON.stringify(await stored(id))).not.toMatch(/Ann|push-token/);
  });

  it('are listed a page at a time, the newest first, those of one moment too', async () => {
    const context = world().context(await world().newUser());
    const added: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      added.push((await addDevice(context, { ...phone, name })).id);
      if (name > 'b') world().clock.advance(1);
    }
    const first = await listDevices(context, { limit: 2 });
    const second = await listDevices(context, { limit: 2, after: first.next ?? undefined });
    const third = await listDevices(context, { limit: 2, after: second.next ?? undefined });
    expect(first.items.map(({ name }) => name)).toEqual(['e', 'd']);
    expect(third.next).toBeNull();
    const all = [...first.items, ...second.items, ...third.items].map(({ id }) => id);
    expect([...all].sort()).toEqual([...added].sort());
    expect((await listDevices(context, {})).items.map(({ id }) => id)).toEqual(all);
  });

  it('are not found for anybody else', async () => {
    const { id: deviceId } = await addDevice(world().context(await world().newUser()), phone);
    const other = world().context(await world().newUser());
    expect((await listDevices(other, {})).items).toEqual([]);
    for (const tried of [
      () => getDevice(other, { deviceId }),
      () => updateDevice(other, { deviceId, changes: { name: 'mine' } }),
      () => removeDevice(other, { deviceId }),
    ]) {
      await expect(tried()).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await stored(deviceId)).toBeDefined();
  });

  it('can not be added for a user who was removed', async () => {
    const nobody = world().context({ ...(await world().newUser()), userId: newId() });
    await expect(addDevice(nobody, phone)).rejects.toMatchObject({ code: 'not_found' });
  });
});
