import type { TranscriptionConfig } from '../../core/config/transcription.ts';
import type { Log } from '../../core/log.ts';
import type { FileTranscriber, Recording } from '../../domain/transcription.ts';
import { openRecording } from '../media/recordings.ts';
import { OpenAIFileTranscriber } from './openai-files.ts';

/**
 * `gpt-4o-transcribe` takes some 25 minutes but writes no more than 2,000 tokens
 * (https://developers.openai.com/api/docs/models/gpt-4o-transcribe): of fast Dutch speech that is seven minutes.
 */
const longestSegmentSeconds = 300;

/** What recordings are transcribed with, where there is a key for it. */
export function createFileTranscription(
  config: TranscriptionConfig | undefined,
  log: Log,
): { transcriber: FileTranscriber; openRecording(bytes: Uint8Array): Promise<Recording> } | undefined {
  return (
    config && {
      transcriber: new OpenAIFileTranscriber({ ...config, log }),
      openRecording: (bytes) => openRecording(bytes, { longestSegmentSeconds }),
    }
  );
}
