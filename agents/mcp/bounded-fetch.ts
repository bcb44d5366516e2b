import { sizes } from '../../core/limits.ts';

/** Told of each attempt to open the stream on which a server speaks of its own accord (HTTP GET). */
export type StreamListener = (status: number | 'failed') => void;

/** `fetch` whose answers break off when they get too long: a server must not fill the memory of a call. */
export function boundedFetch(onStream: StreamListener): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const isStream = init?.method === 'GET';
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      if (isStream) onStream('failed');
      throw error;
    }
    if (isStream) onStream(response.status);
    if (!response.body) return response;
    let bytes = 0;
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.byteLength;
          if (bytes > sizes.mcpResponseBytes) controller.error(new RangeError('the answer is too long'));
          else controller.enqueue(chunk);
        },
      }),
    );
    return new Response(body, response);
  };
}
