import type { IncomingMessage } from 'node:http';
import { SandboxLog } from '../../sandbox/log.ts';
import { type Failure, SandboxSettings } from '../../sandbox/settings.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';

const prefix = '/standby';

/** Where the second stand-in is to be found. */
export function standbyUrl(url: string): string {
  return `${url}${prefix}`;
}

/**
 * A vendor and a second one of the same protocol behind the same server. What met the first meets
 * the second as well, until the first is asked again, so that a composite of both meets what a single adapter meets. Only the
 * first is seen in the log.
 */
export function withStandby(factory: StandInFactory): StandInFactory {
  return (context) => {
    let failure: Failure | undefined;
    const { settings } = context;
    const take = settings.takeFailure.bind(settings);
    settings.takeFailure = (vendor) => {
      failure = take(vendor);
      return failure;
    };
    const standbySettings = new SandboxSettings();
    Object.defineProperty(standbySettings, 'delays', { get: () => settings.delays });
    standbySettings.takeFailure = () => failure;
    const first = factory(context);
    const second = factory({ log: new SandboxLog(), settings: standbySettings });
    const standInFor = (request: IncomingMessage) => {
      if (!request.url?.startsWith(prefix)) return first;
      request.url = request.url.slice(prefix.length);
      return second;
    };
    return {
      vendor: first.vendor,
      owns: (path) => first.owns(path) || path.startsWith(prefix),
      http: (request, response) => standInFor(request).http(request, response),
      upgrade: (request, socket, head) => standInFor(request).upgrade?.(request, socket, head),
      dropConnections() {
        first.dropConnections?.();
        second.dropConnections?.();
      },
      async close() {
        await Promise.all([first.close(), second.close()]);
      },
    };
  };
}
