import { parentPort } from 'node:worker_threads';
import { AppError, type ErrorCode, type FieldFault } from '../../core/errors.ts';
import type { Recording, Stretch } from '../../domain/transcription.ts';
import { type DivisionOptions, readRecording } from './recording-reader.ts';

/** What the thread is asked: first to open a recording, then for segments of it. */
export type ThreadQuestion = { open: Uint8Array; options: DivisionOptions } | { read: Stretch };

/** What it answers, once to each question and in order. */
export type ThreadAnswer =
  | { opened: Pick<Recording, 'format' | 'durationSeconds' | 'segments'> }
  | { read: Uint8Array }
  | { refused: { code: ErrorCode; message: string; faults: readonly FieldFault[] } };

let recording: Recording | undefined;

async function answerTo(question: ThreadQuestion): Promise<ThreadAnswer> {
  try {
    if ('open' in question) {
      recording = await readRecording(question.open, question.options);
      const { format, durationSeconds, segments } = recording;
      return { opened: { format, durationSeconds, segments } };
    }
    if (!recording) throw new AppError('internal', 'A segment was asked for before its recording');
    return { read: await recording.read(question.read) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { refused: { code: error.code, message: error.message, faults: error.faults } };
  }
}

// Entry of the thread that reads one recording; whoever started it ends it.
parentPort?.on('message', async (question: ThreadQuestion) => {
  const answer = await answerTo(question);
  // Memory goes over instead of being copied.
  parentPort?.postMessage(answer, 'read' in answer ? [answer.read.buffer as ArrayBuffer] : []);
});
