import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';

/** What a device runs. */
export const devicePlatformSchema = z
  .enum(['ios', 'android', 'web', 'desktop', 'other'])
  .meta({ id: 'DevicePlatform' });

export type DevicePlatform = z.infer<typeof devicePlatformSchema>;

/** A device as its user sees it; where push messages go is for the service alone. */
export const deviceSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    platform: devicePlatformSchema,
    hasPushToken: z.boolean(),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime().describe('When its app last wrote about it.'),
  })
  .meta({ id: 'Device' });

export type Device = z.infer<typeof deviceSchema>;

const pushToken = z.string().min(1, 'is empty').max(sizes.pushTokenCharacters);

/** A device to be added. */
export const newDeviceSchema = z
  .strictObject({
    name: line(sizes.nameCharacters),
    platform: devicePlatformSchema,
    pushToken: pushToken.nullable().default(null).describe('Address for push messages, from the platform.'),
  })
  .meta({ id: 'NewDevice' });

export type NewDevice = z.output<typeof newDeviceSchema>;

/** What may change about a device: a field that is left out stays, null clears it. */
export const deviceChangesSchema = z
  .strictObject({ name: line(sizes.nameCharacters).optional(), pushToken: pushToken.nullable().optional() })
  .meta({ id: 'DeviceChanges' });

export type DeviceChanges = z.infer<typeof deviceChangesSchema>;
