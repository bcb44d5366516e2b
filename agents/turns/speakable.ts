import { type ReadableStream, TransformStream } from 'node:stream/web';
import { SpeakableText } from '../../domain/speakable.ts';

/**
 * Makes a text transform of the framework's that takes Markdown and emoji from what the voice is given and says in words what
 * voices get wrong. Its place is before `pronounce`, which reads the notation of a field.
 * @param languageOf BCP 47 tag; asked at the beginning of each speech
 */
export function speakable(languageOf: () => string): (text: ReadableStream<string>) => ReadableStream<string> {
  return (text) => {
    const stage = new SpeakableText(languageOf());
    const give = (said: string, controller: { enqueue(chunk: string): void }) => {
      if (said !== '') controller.enqueue(said);
    };
    return text.pipeThrough(
      new TransformStream<string, string>({
        transform: (chunk, controller) => give(stage.write(chunk), controller),
        flush: (controller) => give(stage.end(), controller),
      }),
    );
  };
}
