import { eq } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { tenants } from '../db/schema/tenants.ts';
import { type TenantSettings, tenantSettingsSchema } from '../domain/tenant.ts';

/** What a tenant has decided for itself, the rest filled in. Its users may read it as well as the service. */
export async function settingsOfTenant(tx: Transaction, tenantId: string): Promise<TenantSettings> {
  const [tenant] = await tx.select({ settings: tenants.settings }).from(tenants).where(eq(tenants.id, tenantId));
  return tenantSettingsSchema.parse((tenant as { settings: unknown }).settings);
}
