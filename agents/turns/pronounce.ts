import type { ReadableStream } from 'node:stream/web';
import { TransformStream } from 'node:stream/web';
import type { Pronunciation } from '../../domain/normalization/pack.ts';

/**
 * Makes a text transform of the framework's that writes notation out as words for the voice. The framework applies it to
 * what the voice is given and to nothing else: the transcript and the record keep the written form. Text leaves as soon as
 * what follows can't change how it is said, never in the middle of a word.
 * @param pronunciationOf asked at the beginning of each speech; undefined leaves it as it is
 */
export function pronounce(
  pronunciationOf: () => Pronunciation | undefined,
): (text: ReadableStream<string>) => ReadableStream<string> {
  return (text) => {
    const pronunciation = pronunciationOf();
    return pronunciation ? text.pipeThrough(new TransformStream(spoken(pronunciation))) : text;
  };
}

function spoken(pronunciation: Pronunciation) {
  let written = '';
  let settled = 0;
  let said = 0;
  const sayUpTo = (length: number, controller: { enqueue(chunk: string): void }) => {
    if (length <= settled) return;
    settled = length;
    // From the beginning, since a number is said by what stands before it.
    const words = pronunciation.speak(written.slice(0, length));
    if (words.length > said) controller.enqueue(words.slice(said));
    said = words.length;
  };
  return {
    transform(chunk: string, controller: { enqueue(chunk: string): void }) {
      written += chunk;
      sayUpTo(pronunciation.settled(written), controller);
    },
    flush(controller: { enqueue(chunk: string): void }) {
      sayUpTo(written.length, controller);
    },
  };
}
