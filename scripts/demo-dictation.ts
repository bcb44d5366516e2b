import type { Turn } from '../domain/conversation.ts';
import { type Note, type Segment, segmentsOf } from '../domain/note.ts';
import type { PairingEvent } from '../domain/pairing.ts';
import type { SandboxEvent } from '../sandbox/log.ts';
import { epochMs } from './caller.ts';
import { type Computer, openComputer } from './demo-computer.ts';
import { runCaller } from './demo-process.ts';
import {
  expectedNote,
  expectedTeeth,
  type PhoneMessage,
  replacementsOf,
  type SentenceResult,
  sentences,
} from './demo-sentences.ts';
import type { Stack } from './stack.ts';
import { quantile, renderTable } from './table.ts';

/** What happened on both sides, moments in epoch milliseconds. */
interface Seen {
  turns: Turn[];
  notes: { atMs: number; note: Note }[];
  saidAtMs: number[];
}

/**
 * Pairs a computer and a phone, has the phone dictate, and prints what the computer shows: raw text, text and edits as they
 * come, then the note.
 * @returns the exit code of the demo
 */
export async function dictate(stack: Stack, json: boolean, print: (line: string) => void): Promise<number> {
  const seen: Seen = { turns: [], notes: [], saidAtMs: [] };
  const computer = await openComputer(stack, (event) => take(event, seen, print));
  print(`the computer shows the code ${computer.pairing.code}`);
  const env = { PHONE_API_URL: stack.apiUrl, PHONE_TOKEN: stack.developmentToken, PHONE_CODE: computer.pairing.code };
  await runCaller<PhoneMessage>('scripts/demo-phone', env, (message) => {
    if (message.type === 'line') printLine(print, message.speaker, message.text);
    else seen.saidAtMs.push(message.saidAtMs);
  });
  const { note, text } = await finalNote(computer);
  const results = sentences.map(({ text: said }, index) => resultOf(said, index, note, seen));
  const failures = await failuresOf(results, { note, text }, stack);
  await computer.close();

  print(`\nThe note, as text:\n\n${text}\n\nand by tooth:\n`);
  for (const line of structureLines(note)) print(line);
  print(`\n${tableOf(results)}\n`);
  for (const failure of failures) print(`FAILED: ${failure}`);
  if (!failures.length) print('All sentences are in the note.');
  if (json) console.log(JSON.stringify({ ...figuresOf(results), note: text, structured: note.structured, failures }));
  return failures.length ? 1 : 0;
}

function take(event: PairingEvent, seen: Seen, print: (line: string) => void): void {
  if (event.type === 'note' && event.note) seen.notes.push({ atMs: epochMs(), note: event.note });
  if (event.type !== 'turn' || event.turn.speaker !== 'user') return;
  seen.turns.push(event.turn);
  const { text, edits } = event.turn;
  const raw = event.turn.raw ?? text;
  printLine(print, 'computer', `raw   ${raw}`);
  printLine(print, 'computer', `text  ${text}`);
  for (const { from, to, rule } of replacementsOf({ raw, text, edits })) {
    printLine(print, 'computer', `edit  ${from} -> ${to} (${rule})`);
  }
}

function printLine(print: (line: string) => void, speaker: string, text: string): void {
  print(`${speaker.padStart(8)}  ${text}`);
}

async function finalNote(computer: Computer): Promise<{ note: Note; text: string }> {
  const [asJson, asText] = await Promise.all([computer.note('application/json'), computer.note('text/plain')]);
  return { note: (await asJson.json()) as Note, text: await asText.text() };
}

/** Each sentence is a turn, and leaves one segment in the note. */
function resultOf(said: string, index: number, note: Note, seen: Seen): SentenceResult {
  const turn = seen.turns[index];
  const segment = segmentsOf(note)[index];
  const saidAtMs = seen.saidAtMs[index];
  const arrived = segment && seen.notes.find((each) => has(each.note, segment));
  return {
    said,
    raw: turn ? (turn.raw ?? turn.text) : null,
    text: segment?.text ?? null,
    edits: segment ? replacementsOf(segment) : [],
    noteMs: arrived && saidAtMs !== undefined ? Math.round(arrived.atMs - saidAtMs) : null,
  };
}

function has(note: Note, { id, text }: Segment): boolean {
  return segmentsOf(note).some((segment) => segment.id === id && segment.text === text);
}

async function failuresOf(
  results: readonly SentenceResult[],
  { note, text }: { note: Note; text: string },
  stack: Stack,
): Promise<string[]> {
  const failures = results.flatMap(({ noteMs, text: written }, index) =>
    noteMs === null || !written ? [`sentence ${index + 1} did not reach the note at the computer`] : [],
  );
  // A real recogniser may hear something else.
  if (stack.standIns.includes('STT')) {
    for (const [index, { raw, said }] of results.entries()) {
      if (raw !== said) failures.push(`sentence ${index + 1} was heard as: ${raw}`);
    }
    if (text !== expectedNote) failures.push('the note says something else than was dictated');
    const teeth = note.structured.patients.map((patient) =>
      patient.teeth.map(({ tooth }) => tooth).sort((a, b) => a - b),
    );
    if (JSON.stringify(teeth) !== JSON.stringify(expectedTeeth)) {
      failures.push(`the structured note has the teeth ${JSON.stringify(teeth)}`);
    }
  }
  if (stack.sandboxUrl && stack.standIns.includes('LLM')) {
    const events = (await (await fetch(`${stack.sandboxUrl}/sandbox/log`)).json()) as SandboxEvent[];
    const asked = events.filter(({ vendor, event }) => vendor === 'anthropic' && event === 'request-received').length;
    if (asked > 0) failures.push(`the language model was asked ${asked} times`);
  }
  return failures;
}

function* structureLines({ structured }: Note): Iterable<string> {
  for (const [index, { teeth, general, perio }] of structured.patients.entries()) {
    yield `patient ${index + 1}`;
    for (const { tooth, ...found } of teeth) yield `  ${tooth}  ${JSON.stringify(withoutEmpty(found))}`;
    yield `  general  ${JSON.stringify(withoutEmpty(general))}`;
    yield `  perio  ${JSON.stringify(withoutEmpty(perio))}`;
  }
}

function withoutEmpty(lists: Record<string, readonly unknown[]>): Record<string, readonly unknown[]> {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function figuresOf(results: readonly SentenceResult[]) {
  const noteMs = results.flatMap((result) => result.noteMs ?? []);
  return {
    sentences: results,
    noteMs: noteMs.length ? { p50: Math.round(quantile(noteMs, 0.5)), max: Math.max(...noteMs) } : null,
  };
}

function tableOf(results: readonly SentenceResult[]): string {
  const rows = results.map(({ raw, text, edits, noteMs }, index) => [
    String(index + 1),
    raw ?? '-',
    text ?? '-',
    String(edits.length),
    noteMs === null ? '-' : `${noteMs} ms`,
  ]);
  return renderTable([['#', 'heard', 'in the note', 'edits', 'speech end to note'], ...rows]);
}
