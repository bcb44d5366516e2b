import { stt } from '@livekit/agents';
import { expect, it, vi } from 'vitest';
import type { SandboxEvent } from '../../sandbox/log.ts';
import type { Line } from '../../sandbox/speech/lines.ts';
import { Caller } from './stt-caller.ts';
import type { SttHarness } from './stt-suite.ts';

const patience = { timeout: 8_000, interval: 20 };

/** What the suite's tests work with. */
interface Tools {
  adapter(): stt.STT;
  line(id: string): Line;
  logged(event: string): SandboxEvent[];
  /** For a test's title: what the vendor lacks. */
  without(name: 'keyTerms'): string;
}

/** What a recogniser does with key terms, or one that takes none. */
export function testKeyTerms(harness: SttHarness, { adapter, line, logged, without }: Tools): void {
  const { keyTermsOf } = harness;
  if (!keyTermsOf) {
    it(`keeps its connection when it is given key terms${without('keyTerms')}`, async () => {
      const made = adapter();
      expect(made.capabilities.keyterms).toBeFalsy();
      const caller = new Caller(made);
      made._updateSessionKeyterms(['Noor', 'Robin']);
      caller.say(line('en-remember').samples);
      await vi.waitFor(() => expect(caller.finals).toEqual([line('en-remember').text]), patience);
      expect(logged('connection-opened')).toHaveLength(1);
    });
    return;
  }

  const renewal = harness.takesKeyTermsInPlace ? 'at once on the same' : 'between utterances on a new';
  it(`sends key terms when it connects, and new ones ${renewal} connection`, async () => {
    const [first, second] = [line('en-remember'), line('en-hold-on')];
    const made = adapter();
    made._updateSessionKeyterms(['mesio occlusaal', 'Robin']);
    const caller = new Caller(made);
    const termsOf = (index: number) =>
      keyTermsOf(String(logged(harness.keyTermsEvent ?? 'connection-opened')[index]?.query));
    const half = Math.floor(first.samples.length / 2);
    caller.push(first.samples.slice(0, half));
    await vi.waitFor(() => expect(caller.of(stt.SpeechEventType.START_OF_SPEECH)).toHaveLength(1), patience);
    expect(termsOf(0)).toEqual(['mesio occlusaal', 'Robin']);

    made._updateSessionKeyterms(['Noor', 'Robin']);
    const configured = () => logged('configured').map(({ keyTerms }) => keyTerms);
    const connections = harness.takesKeyTermsInPlace ? 1 : 2;
    if (harness.takesKeyTermsInPlace) {
      await vi.waitFor(() => expect(configured()).toEqual([['Noor', 'Robin']]), patience);
    }
    caller.say(first.samples.slice(half));
    await vi.waitFor(() => expect(logged('connection-opened')).toHaveLength(connections), patience);
    if (!harness.takesKeyTermsInPlace) expect(termsOf(1)).toEqual(['Noor', 'Robin']);
    caller.say(second.samples);
    await vi.waitFor(() => expect(caller.finals).toEqual([first.text, second.text]), patience);
    made._updateSessionKeyterms(['Noor', 'Robin']);
    expect(logged('connection-opened')).toHaveLength(connections);
    expect(configured()).toHaveLength(2 - connections);
  });
}
