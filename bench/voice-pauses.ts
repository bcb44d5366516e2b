import { callerSampleRateHz, epochMs, lineSamples } from '../scripts/caller.ts';
import { type Call, firstVoicedAfter, quiet, sandboxEvents } from './voice-call.ts';

/** What is said in two halves with a thinking pause between them; `open` where the first half leaves the sentence open. */
const utterances = [
  { halves: ['en-table-1', 'en-table-2'], pauseMs: 400, open: true, words: ['window table', 'at seven'] },
  { halves: ['en-station-1', 'en-station-2'], pauseMs: 550, open: true, words: ['show me', 'near the station'] },
  { halves: ['en-brother-1', 'en-brother-2'], pauseMs: 700, open: true, words: ['my brother', 'quiet room'] },
  { halves: ['en-dentist-1', 'en-dentist-2'], pauseMs: 400, open: false, words: ['the dentist', 'at nine'] },
  { halves: ['en-museum-1', 'en-museum-2'], pauseMs: 550, open: false, words: ['questions', 'museum'] },
  { halves: ['en-music-1', 'en-music-2'], pauseMs: 700, open: false, words: ['turn down', 'saying'] },
] as const;

/** How one utterance with a pause went. */
export interface PausedTurn {
  open: boolean;
  /** The agent spoke before the person was done, or took the halves for two turns. */
  cutOff: boolean;
}

/** Says each of the utterances `rounds` times. */
export async function measurePauses({ caller }: Call, sandboxUrl: string, rounds: number): Promise<PausedTurn[]> {
  const turns: { index: number; fromMs: number; untilMs: number; spokenOver: boolean }[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [index, { halves, pauseMs }] of utterances.entries()) {
      const [first, second] = halves.map(lineSamples) as [Int16Array, Int16Array];
      const pause = new Int16Array((callerSampleRateHz * pauseMs) / 1_000);
      const fromMs = epochMs();
      const { lastVoicedAtMs } = await caller.speak(Int16Array.from([...first, ...pause, ...second]));
      const spokenOver = caller.voicedMsBetween(fromMs, lastVoicedAtMs) > 0;
      await firstVoicedAfter(caller, lastVoicedAtMs);
      await quiet(caller, 1_200);
      turns.push({ index, fromMs, untilMs: epochMs(), spokenOver });
    }
  }
  const events = await sandboxEvents(sandboxUrl);
  return turns.map(({ index, fromMs, untilMs, spokenOver }) => {
    const { open, words } = utterances[index] as (typeof utterances)[number];
    const spoken = events
      .filter(
        ({ event, vendor, atMs }) =>
          vendor === 'cartesia' && event === 'context-completed' && atMs > fromMs && atMs <= untilMs,
      )
      .map(({ transcript }) => String(transcript))
      .join(' ');
    // The stand-in for the model repeats what it was told, turn by turn.
    const isOneTurn = spoken.split('I heard:').some((answer) => words.every((each) => answer.includes(each)));
    return { open, cutOff: spokenOver || !isOneTurn };
  });
}
