import { z } from 'zod';
import { languages } from './profile.ts';

/** The tenant of an installation that has but one; made by the first migration, so that nobody has to set anything up. */
export const defaultTenant = { id: '0b8f4f0e-5d0c-4b5e-8f57-6c1d0a3e9a10', slug: 'default' } as const;

/** How a tenant is addressed where there is no token yet, as when signing in. */
export const tenantSlugSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'needs 1 to 64 lower-case letters, digits or hyphens')
  .meta({ id: 'TenantSlug' });

const order = z.array(z.string());
const orders = { stt: order, llm: order, tts: order, realtime: order };

/**
 * Vendors in the order they are tried, by what they do for a call, and for single agents of the roster. A port without an order is
 * as the installation has it; names that the installation doesn't know, or has no key for, are passed over.
 */
export const tenantVendorsSchema = z
  .strictObject({ ...orders, agents: z.record(z.string(), z.strictObject(orders).partial()) })
  .partial()
  .meta({ id: 'TenantVendors' });

export type TenantVendors = z.infer<typeof tenantVendorsSchema>;

/** What a tenant may decide for itself. What is left out is as the installation has it. */
export const tenantSettingsSchema = z
  .strictObject({
    vendors: tenantVendorsSchema.default({}),
    limits: z
      .strictObject({
        sessionsPerUser: z.int().min(1).describe('Open sessions of one user at once.'),
        apiKeys: z.int().min(0).describe('Keys that are neither expired nor revoked.'),
      })
      .partial()
      .default({}),
    /** Days after which the purge removes something; without a number it stays. */
    retention: z
      .strictObject({ turnsDays: z.int().min(1), auditDays: z.int().min(1) })
      .partial()
      .default({}),
    languages: z.array(z.enum(languages)).min(1).optional(),
  })
  .meta({ id: 'TenantSettings' });

export type TenantSettings = z.infer<typeof tenantSettingsSchema>;
