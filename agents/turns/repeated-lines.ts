import { ReadableStream } from 'node:stream/web';
import type { tts } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type { LineCache } from './line-cache.ts';

/** Has lines spoken ahead that are not recorded yet, one after another. What a voice fails at is left for the next call. */
export async function recordLines(lines: LineCache, voice: tts.TTS, wanted: readonly string[]): Promise<void> {
  for (const line of lines.missing().filter((each) => wanted.includes(each))) {
    const frames: AudioFrame[] = [];
    for await (const { frame } of voice.synthesize(line)) frames.push(frame);
    await lines.keep(line, frames);
  }
}

type Speak = (words: ReadableStream<string>) => Promise<ReadableStream<AudioFrame> | null>;

/**
 * Speaks a text that may be one of the lines that repeat: from its recording when there is one, and otherwise by the voice, whose
 * audio is recorded when the text turns out to be a line. A text is held back only while it is the beginning of a recorded line.
 */
export async function speakLine(
  words: ReadableStream<string>,
  lines: LineCache,
  speak: Speak,
): Promise<ReadableStream<AudioFrame> | null> {
  const reader = words.getReader();
  let text = '';
  let ended = false;
  do {
    const { done, value } = await reader.read();
    ended = done;
    text += value ?? '';
  } while (!ended && lines.mayBecomeLine(text));
  const frames = ended ? lines.frames(text) : undefined;
  if (frames) return ReadableStream.from(frames);
  const heard = { text };
  const audio = await speak(rest(reader, heard, ended));
  return audio && recorded(audio, heard, lines);
}

/** The words that were held back and those that follow; `heard.text` grows with them. */
function rest(
  reader: ReadableStreamDefaultReader<string>,
  heard: { text: string },
  ended: boolean,
): ReadableStream<string> {
  return new ReadableStream({
    start(controller) {
      if (heard.text) controller.enqueue(heard.text);
      if (ended) controller.close();
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      heard.text += value;
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

function recorded(
  audio: ReadableStream<AudioFrame>,
  heard: { text: string },
  lines: LineCache,
): ReadableStream<AudioFrame> {
  const reader = audio.getReader();
  const frames: AudioFrame[] = [];
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) {
        controller.close();
        await lines.keep(heard.text, frames);
        return;
      }
      if (lines.beginsLine(heard.text)) frames.push(value);
      else frames.length = 0;
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
