import { setTimeout as sleep } from 'node:timers/promises';
import { type Note, segmentsOf } from '../domain/note.ts';
import type { Pairing } from '../domain/pairing.ts';
import type { TokenResponse } from '../domain/token.ts';
import { Caller, lineSamples } from './caller.ts';
import { runAsCaller, tellDemo } from './demo-process.ts';
import { type PhoneMessage, sentences } from './demo-sentences.ts';

const patienceMs = 20_000;
/** A breath between two sentences: longer than the silence that ends a turn. */
const breathMs = 1_000;

const { PHONE_API_URL = '', PHONE_TOKEN = '', PHONE_CODE = '' } = process.env;

/** The phone's process: claims the pairing by the code the computer shows, joins the room and dictates. */
async function main(): Promise<void> {
  let noted = 0;
  let greeted = false;
  const phone = new Caller({
    note: (note: Note) => {
      noted = segmentsOf(note).length;
    },
    shown: ({ speaker, text }) => {
      if (speaker !== 'agent' || !text.trim()) return;
      greeted = true;
      tell({ type: 'line', speaker: 'agent', text: text.trim() });
    },
  });
  const pairing = await post<Pairing>('/api/v1/pairings/claim', { code: PHONE_CODE });
  const { server_url, participant_token } = await post<TokenResponse>(`/api/v1/pairings/${pairing.id}/token`, {
    end: 'phone',
    phoneEpoch: pairing.phoneEpoch,
  });
  await phone.join(server_url, participant_token, { microphone: true });
  await phone.waitForAgent(patienceMs);
  await until(() => greeted, 'the agent did not say that the dictation is on');
  await sleep(breathMs);
  for (const [index, { line, text }] of sentences.entries()) {
    tell({ type: 'line', speaker: 'phone', text: `(speaks) ${text}` });
    const { lastVoicedAtMs } = await phone.speak(lineSamples(line));
    tell({ type: 'said', saidAtMs: lastVoicedAtMs });
    await until(() => noted > index, `the note does not have: ${text}`);
    await sleep(breathMs);
  }
  await phone.leave();
  await Caller.end();
}

async function post<Answer>(path: string, body: object): Promise<Answer> {
  const response = await fetch(`${PHONE_API_URL}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${PHONE_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

async function until(condition: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${otherwise} within ${patienceMs / 1_000} s`);
    await sleep(10);
  }
}

function tell(message: PhoneMessage): void {
  tellDemo(message);
}

runAsCaller(main);
