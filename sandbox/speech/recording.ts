import { FrameAnalyser, frameMs } from './frames.ts';
import type { SpeechLibrary } from './library.ts';
import { UtteranceMatcher, unknownSpeechNotice } from './utterance-matcher.ts';

/** Silence after which what follows is another utterance. */
const pauseMs = 300;

/** The words of a whole recording of 16-bit mono audio, utterance by utterance. */
export function wordsOfRecording(library: SpeechLibrary, samples: Int16Array, sampleRateHz: number): string[] {
  const words: string[] = [];
  let matcher: UtteranceMatcher | undefined;
  let silentMs = 0;
  const finish = () => {
    const heard = matcher?.heard();
    matcher = undefined;
    if (heard?.unknown) words.push(...unknownSpeechNotice.split(' '));
    else words.push(...(heard?.words ?? []).map(({ word }) => word));
  };
  for (const frame of new FrameAnalyser(sampleRateHz).frames(samples)) {
    silentMs = frame.voiced ? 0 : silentMs + frameMs;
    if (frame.voiced) matcher ??= new UtteranceMatcher(library);
    matcher?.add(frame);
    if (silentMs >= pauseMs) finish();
  }
  finish();
  return words;
}
