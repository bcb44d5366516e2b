import { z } from 'zod';

/** What a device runs. */
export const devicePlatformSchema = z
  .enum(['ios', 'android', 'web', 'desktop', 'other'])
  .meta({ id: 'DevicePlatform' });

export type DevicePlatform = z.infer<typeof devicePlatformSchema>;
