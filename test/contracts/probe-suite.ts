import { APIConnectionError, APIStatusError, initializeLogger } from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Probed } from '../../providers/probe.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';

/** What the suite needs to know of an adapter. */
export interface ProbeHarness {
  vendor: Vendor;
  standIn: StandInFactory;
  /** What the vendor answers to a key it doesn't know (default 401). */
  refusedStatus?: number;
  create(baseUrl: string): Probed & ({ close(): Promise<void> } | { aclose(): Promise<void> });
}

/** What a stand-in logs when a vendor would begin to charge. */
const paidWork = ['speech-started', 'context-started', 'request-received'];

/** What asking whether a vendor is well again has to do: no more than prove its key and its host. */
export function describeProbeContract(name: string, harness: ProbeHarness): void {
  describe(`${name}: probe`, () => {
    let sandbox: Sandbox;
    let adapter: ReturnType<ProbeHarness['create']>;

    beforeEach(async () => {
      initializeLogger({ pretty: false, level: 'error' });
      sandbox = await startSandbox([harness.standIn]);
      adapter = harness.create(sandbox.url);
    });

    afterEach(async () => {
      await ('aclose' in adapter ? adapter.aclose() : adapter.close());
      await sandbox.close();
      for (const event of ['unexpected-request', 'stand-in-failed', ...paidWork]) expect(logged(event)).toEqual([]);
    });

    const logged = (event: string) => sandbox.log.events({ vendor: harness.vendor, event });
    const { signal: never } = new AbortController();

    it('resolves when the vendor is well, and leaves no connection open', async () => {
      await adapter.probe(never);
      await adapter.probe(never);
      await vi.waitFor(() => expect(logged('connection-closed')).toHaveLength(logged('connection-opened').length));
      expect(sandbox.log.events().length).toBeGreaterThan(0);
    });

    it.each([
      ['refuse', { statusCode: harness.refusedStatus ?? 401, retryable: false }],
      ['rate-limit', { statusCode: 429 }],
    ] as const)('rejects with the refusal of a vendor in mode %s', async (mode, expected) => {
      sandbox.settings.setFailure(harness.vendor, { mode });
      const error: unknown = await adapter.probe(never).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(APIStatusError);
      expect(error).toMatchObject(expected);
    });

    it('waits for a vendor that hangs no longer than its signal', async () => {
      sandbox.settings.setFailure(harness.vendor, { mode: 'hang' });
      await expect(adapter.probe(AbortSignal.timeout(300))).rejects.toMatchObject({ name: 'TimeoutError' });
      await expect(adapter.probe(AbortSignal.abort(new Error('given up')))).rejects.toThrow('given up');
    });

    it('rejects when there is nobody', async () => {
      await sandbox.close();
      await expect(adapter.probe(never)).rejects.toBeInstanceOf(APIConnectionError);
      sandbox = await startSandbox([harness.standIn]);
    });
  });
}
