import { and, desc, eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import { devices } from '../db/schema/devices.ts';
import type { Device, DeviceChanges, NewDevice } from '../domain/device.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

type StoredDevice = typeof devices.$inferSelect;

/** The user's devices, the newest first. */
export async function listDevices(
  context: CoreContext,
  { after, limit = sizes.itemsPerPage }: PageRequest,
): Promise<Page<Device>> {
  const { userId } = requirePermission(context.actor, 'devices.read');
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(devices)
      .where(and(eq(devices.userId, userId), isBehind(devices.createdAt, devices.id, after)))
      .orderBy(desc(devices.createdAt), desc(devices.id))
      .limit(limit + 1),
  );
  return pageOf(
    rows,
    limit,
    ({ createdAt, id }) => ({ at: createdAt, id }),
    (row) => deviceOf(context, row),
  );
}

/** One device. @throws AppError `not_found` for one that isn't the user's. */
export async function getDevice(context: CoreContext, { deviceId }: { deviceId: string }): Promise<Device> {
  requirePermission(context.actor, 'devices.read');
  const [row] = await withActor(context, (tx) => tx.select().from(devices).where(eq(devices.id, deviceId)));
  if (!row) throw deviceNotFound();
  return deviceOf(context, row);
}

/** Adds a device. */
export async function addDevice(context: CoreContext, { name, platform, pushToken }: NewDevice): Promise<Device> {
  const { tenantId, userId } = requirePermission(context.actor, 'devices.write');
  const id = newId();
  const now = context.clock();
  const [row] = await withActor(context, (tx) =>
    tx
      .insert(devices)
      .values({
        id,
        tenantId,
        userId,
        name: seal(context, devices.name, id, name),
        platform,
        pushToken: seal(context, devices.pushToken, id, pushToken),
        createdAt: now,
        lastSeenAt: now,
      })
      .returning(),
  );
  return deviceOf(context, row as StoredDevice);
}

/** Changes the fields that are given, and notes that the device was seen. @throws AppError `not_found` as `getDevice`. */
export async function updateDevice(
  context: CoreContext,
  { deviceId, changes: { name, pushToken } }: { deviceId: string; changes: DeviceChanges },
): Promise<Device> {
  requirePermission(context.actor, 'devices.write');
  const [row] = await withActor(context, (tx) =>
    tx
      .update(devices)
      .set({
        ...(name === undefined ? {} : { name: seal(context, devices.name, deviceId, name) }),
        ...(pushToken === undefined ? {} : { pushToken: seal(context, devices.pushToken, deviceId, pushToken) }),
        lastSeenAt: context.clock(),
      })
      .where(eq(devices.id, deviceId))
      .returning(),
  );
  if (!row) throw deviceNotFound();
  return deviceOf(context, row);
}

/** Removes a device. @throws AppError `not_found` as `getDevice`. */
export async function removeDevice(context: CoreContext, { deviceId }: { deviceId: string }): Promise<void> {
  requirePermission(context.actor, 'devices.write');
  const removed = await withActor(context, (tx) =>
    tx.delete(devices).where(eq(devices.id, deviceId)).returning({ id: devices.id }),
  );
  if (!removed.length) throw deviceNotFound();
}

function deviceOf(context: Pick<CoreContext, 'cipher'>, row: StoredDevice): Device {
  return {
    id: row.id,
    name: open(context, devices.name, row.id, row.name),
    platform: row.platform,
    hasPushToken: row.pushToken !== null,
    createdAt: row.createdAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  };
}

function deviceNotFound(): AppError {
  return new AppError('not_found', 'There is no such device');
}
