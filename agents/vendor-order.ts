import { isVendorOf, type Port, unknownVendor, type VendorName } from '../core/config/vendor-names.ts';
import { isConfigured, type VendorsConfig } from '../core/config/vendors.ts';
import type { Log } from '../core/log.ts';
import type { TenantVendors } from '../domain/tenant.ts';

/** What decides on the vendors of an agent. */
export interface VendorChoice {
  config: VendorsConfig;
  tenant: TenantVendors;
  log: Log;
}

/**
 * The vendors of a port for an agent, in the order they are tried: what the tenant has chosen for the agent or for all, else what
 * the installation has. Names that the tenant can't have are passed over, with a warning.
 */
export function vendorOrder<P extends Port>(
  port: P,
  agent: string,
  { config, tenant, log }: VendorChoice,
): readonly VendorName<P>[] {
  const chosen = tenant.agents?.[agent]?.[port] ?? tenant[port];
  const usable = (chosen ?? []).filter((name): name is VendorName<P> => {
    if (isVendorOf(port, name) && isConfigured(config.settings, port, name)) return true;
    log.warn(
      { port, vendor: name },
      isVendorOf(port, name) ? 'a tenant has chosen a vendor that is not configured' : unknownVendor(port, name),
    );
    return false;
  });
  if (usable.length) return usable as unknown as readonly VendorName<P>[];
  return config.agents[agent]?.[port] ?? config.order[port];
}
