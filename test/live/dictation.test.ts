import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { TranscriptDetail, Turn } from '../../domain/conversation.ts';
import { type Note, noteText, segmentsOf } from '../../domain/note.ts';
import { loadLines } from '../../sandbox/deepgram.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import { Caller, callerSampleRateHz, lineSamples } from '../../scripts/caller.ts';
import { type LiveStack, startLiveStack } from '../support/live-stack.ts';
import { joinSamples, joinVoiceCall, patience, silence } from '../support/voice-call.ts';

const shared = inject('livekit');

describe.skipIf(!shared)('dictation', () => {
  let stack: LiveStack;

  beforeAll(async () => {
    stack = await startLiveStack();
    await stack.startWorker();
  });

  afterAll(() => stack.stop());

  const logged = (vendor: Vendor, event: string) => stack.sandbox.log.events({ vendor, event });
  const requests = () => logged('anthropic', 'request-received').length;
  const startingWith = (metadata: object) => ({
    room_config: { agents: [{ agent_name: '', metadata: JSON.stringify(metadata) }] },
  });

  /** A spoken call that begins with dictation, in Dutch. */
  async function dictate() {
    const call = await joinVoiceCall(stack, startingWith({ agent: 'dictation', language: 'nl' }));
    expect(call.answers[0]?.text.trim()).toBe('Het dictaat loopt. Zegt u het maar.');
    const note = async () => (await stack.get(`/api/v1/sessions/${call.sessionId}/note`)) as Note;
    const text = async () => noteText(await note());
    return { ...call, note, text };
  }

  async function post(path: string, body: object): Promise<void> {
    const response = await fetch(`${stack.apiUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.developmentToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status, await response.text()).toBe(201);
  }

  test('writes what is said into the note, in silence and without a model', async () => {
    const before = requests();
    const call = await dictate();
    const spoken = call.caller.heard.voicedAtMs.length;
    await call.caller.speak(lineSamples('nl-caries'));
    await expect.poll(call.text, patience).toBe('element 27 MOD cariës');
    await sleep(1_000);
    await call.caller.speak(lineSamples('nl-composiet'));
    await expect.poll(call.text, patience).toBe('element 27 MOD cariës\nelement 36 O composietrestauratie');
    await expect.poll(() => call.notes.at(-1), patience).toEqual(await call.note());

    const [first] = segmentsOf(await call.note());
    expect(first).toMatchObject({
      raw: 'element zevenentwintig mesio occluso distaal karies',
      pack: 'nl-dental',
      language: 'nl',
    });
    expect(call.details[0]).toMatchObject({ edits: first?.edits, pack: 'nl-dental', warnings: [], typed: false });
    const said = async () => (await call.turns()).filter(({ speaker }: Turn) => speaker === 'user');
    await expect
      .poll(said, patience)
      .toMatchObject([
        { text: 'element 27 MOD cariës', raw: first?.raw, edits: first?.edits },
        { text: 'nieuwe regel element 36 O composietrestauratie' },
      ]);
    expect(call.caller.heard.voicedAtMs).toHaveLength(spoken);
    expect(requests()).toBe(before);
  });

  test('reads two finals of one turn together, so that a breath does not split a tooth', async () => {
    const call = await dictate();
    const line = (await loadLines(assetPath('sandbox', 'lines'))).find(({ id }) => id === 'nl-caries');
    const cutMs = line?.words.find(({ word }) => word === 'zevenentwintig')?.startMs ?? Number.NaN;
    const samples = lineSamples('nl-caries');
    const cut = (callerSampleRateHz * cutMs) / 1_000;
    // Long enough for the recogniser to end a transcript, too short to end a turn.
    await call.caller.speak(joinSamples(samples.slice(0, cut), silence(200), samples.slice(cut)));
    await expect.poll(call.text, patience).toBe('element 27 MOD cariës');
    expect(call.details.map(({ raw }: TranscriptDetail) => raw)).toEqual([
      'element',
      'zevenentwintig mesio occluso distaal karies',
    ]);
    expect(segmentsOf(await call.note())).toHaveLength(1);
  });

  test('reads back as it is said, shows it as it is written, and hands back to the concierge', async () => {
    const call = await dictate();
    await call.caller.speak(lineSamples('nl-caries'));
    await expect.poll(call.text, patience).toBe('element 27 MOD cariës');
    await sleep(1_000);
    await call.caller.type('lees terug');
    await expect.poll(() => call.answers.at(-1)?.text.trim(), patience).toBe('element 27 MOD cariës');
    await expect
      .poll(() => logged('cartesia', 'context-completed').map(({ transcript }) => transcript), patience)
      .toContainEqual(expect.stringContaining('twee zeven em oo dee'));
    await call.quiet();

    const before = requests();
    await call.caller.type('stop dictaat');
    await expect.poll(() => call.answers.at(-1)?.text.trim(), patience).toBe('Het dictaat is gestopt.');
    await call.quiet();
    await call.caller.type('What can you do?');
    await expect.poll(() => call.answers.at(-1)?.text, patience).toContain('I can talk with you');
    expect(requests()).toBe(before + 1);
    expect(await call.text()).toBe('element 27 MOD cariës');
  });

  test('takes on a changed lexicon while the call runs, in the text and for the recogniser', async () => {
    const call = await dictate();
    const connections = logged('deepgram', 'connection-opened').length;
    await post('/api/v1/lexicons/nl-dental/entries', { canonical: 'QuickStep', variants: ['kwikstep'] });
    const keyTerms = () =>
      new URLSearchParams(String(logged('deepgram', 'connection-opened').at(-1)?.query)).getAll('keyterm');
    // Sooner than a heartbeat would tell.
    await expect.poll(() => keyTerms()[0], { timeout: 5_000 }).toBe('QuickStep');
    expect(logged('deepgram', 'connection-opened')).toHaveLength(connections + 1);
    await call.caller.type('kwikstep in element elf');
    await expect.poll(call.text, patience).toBe('QuickStep in element 11');
    await call.caller.speak(lineSamples('nl-caries'));
    await expect.poll(call.text, patience).toBe('QuickStep in element 11 element 27 MOD cariës');
  });

  test('begins when the concierge is asked for it, and drafts a summary when it is told to', async () => {
    const answers: string[] = [];
    const caller = new Caller({ shown: ({ speaker, text }) => void (speaker === 'agent' && answers.push(text)) });
    onTestFinished(() => caller.leave());
    const token = await stack.token(startingWith({ modality: 'text' }));
    await caller.join(token.server_url, token.participant_token, { microphone: false });
    await expect.poll(() => answers, patience).toHaveLength(1);
    const note = async () => (await stack.get(`/api/v1/sessions/${token.session_id}/note`)) as Note;

    await caller.type('I would like to dictate');
    await expect.poll(() => answers.at(-1), patience).toBe('Dictation is on. Go ahead.');
    const before = requests();
    await caller.type('geen karies op element elf');
    await expect.poll(async () => noteText(await note()), patience).toBe('geen cariës op element 11');
    expect(requests()).toBe(before);
    await caller.type('draft a summary');
    await expect.poll(() => answers.at(-1), patience).toBe('A draft of the summary is ready for you to check.');
    expect((await note()).summary).toMatchObject({ isDraft: true, text: 'Genoteerd: geen cariës op element 11.' });
    expect(requests()).toBe(before + 1);
  });
});
