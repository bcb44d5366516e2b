import type { z } from 'zod';
import type { failureSchema, Vendor } from '../sandbox/settings.ts';

/** What a vendor does for a call. */
export type FaultPort = 'stt' | 'llm' | 'tts';

/** Which of a port's two vendors fail. */
export type FaultPosition = 'first' | 'second' | 'both';

/** The vendors of the calls, in the order in which they are tried: the second one of each port is the same, and fails for all three. */
export const vendorOrder = {
  PARLEY_STT: 'deepgram,openai',
  PARLEY_LLM: 'anthropic,openai',
  PARLEY_TTS: 'cartesia,openai',
} as const;

const firsts: Readonly<Record<FaultPort, Vendor>> = { stt: 'deepgram', llm: 'anthropic', tts: 'cartesia' };
const second: Vendor = 'openai';

/** The stand-ins answer at such a pace that half a second cuts a reply of a sentence in its middle. */
export const paceOfStandIns = { llmTokensPerSecond: 20 } as const;

/** How vendors fail. */
export const faults = {
  refuse: { mode: 'refuse' },
  hang: { mode: 'hang' },
  close: { mode: 'close', afterMs: 500 },
  'rate-limit': { mode: 'rate-limit' },
  slow: { mode: 'slow', factor: 10 },
} as const satisfies Record<string, z.input<typeof failureSchema>>;

/** Name of a way to fail. */
export type FaultName = keyof typeof faults;

/** One row of the bench. */
export interface FaultCase {
  /** `all`: the vendor that fails is the second one of every port. */
  port: FaultPort | 'all';
  position: FaultPosition;
  fault: FaultName;
}

/** Every row: each way to fail, of the first vendor, of both, and once of the second one alone. */
export function faultCases(): FaultCase[] {
  const names = Object.keys(faults) as FaultName[];
  const ports = Object.keys(firsts) as FaultPort[];
  return [
    ...ports.flatMap((port) =>
      (['first', 'both'] as const).flatMap((position) => names.map((fault) => ({ port, position, fault }))),
    ),
    ...names.map((fault): FaultCase => ({ port: 'all', position: 'second', fault })),
  ];
}

/** The vendors that fail in a case. */
export function failingVendors({ port, position }: FaultCase): Vendor[] {
  const first = port === 'all' ? [] : [firsts[port]];
  return position === 'first' ? first : [...first, second];
}

/** A stand-in that can be steered from another process; see `sandbox/server.ts`. */
export class SandboxControl {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Has vendors fail, or be well again with null. */
  async fail(vendors: readonly Vendor[], fault: FaultName | null): Promise<void> {
    const failure = fault && faults[fault];
    await this.#put('failures', Object.fromEntries(vendors.map((vendor) => [vendor, failure])));
  }

  /** Cuts the open connections of vendors. */
  async drop(vendors: readonly Vendor[]): Promise<void> {
    await this.#put('connections', Object.fromEntries(vendors.map((vendor) => [vendor, 'drop'])));
  }

  /** Sets delays. */
  async pace(delays: Readonly<Record<string, number>>): Promise<void> {
    await this.#put('delays', delays);
  }

  async #put(control: string, body: object): Promise<void> {
    const response = await fetch(`${this.#url}/sandbox/${control}`, { method: 'PUT', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`the stand-ins refused ${control}: ${await response.text()}`);
  }
}
