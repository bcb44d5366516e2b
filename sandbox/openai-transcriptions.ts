import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { models, RefusedTranscription, readTranscriptionRequest, type TranscriptionRequest } from './openai-request.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import { SpeechLibrary } from './speech/library.ts';
import { type Line, readWav } from './speech/lines.ts';
import { wordsOfRecording } from './speech/recording.ts';
import type { StandIn, StandInFactory } from './stand-in.ts';

/** Other vendors have a `/v1/models` of their own: the base URL of OpenAI's SDK here is `<sandbox>/openai/v1`. */
const prefix = '/openai/v1';

/** Longest audio of one request; the real refusal names the length too. */
const longestSeconds = 1_500;
const longestTimerMs = 2 ** 31 - 1;

/** What is said where these bytes stand in a file that can't be listened to, since nothing here decodes it. */
export interface SpokenMark {
  mark: string;
  text: string;
}

interface Refusal {
  status: number;
  message: string;
  code: string | null;
  headers?: Record<string, string>;
}

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
  'rate-limit': {
    status: 429,
    message: 'Rate limit reached.',
    code: 'rate_limit_exceeded',
    headers: { 'retry-after-ms': '50' },
  },
  overload: {
    status: 503,
    message: 'The engine is currently overloaded.',
    code: null,
    headers: { 'retry-after-ms': '50' },
  },
};

/**
 * OpenAI's `POST /v1/audio/transcriptions` (JSON, not streamed) and `GET /v1/models/{model}` on loopback. It knows `lines` by
 * their sound in WAV files, and in all others by the marks that a test put between their bytes.
 */
export function openaiTranscriptionsStandIn(lines: readonly Line[], marks: readonly SpokenMark[] = []): StandInFactory {
  const library = new SpeechLibrary(lines);
  return ({ log, settings }): StandIn => {
    const stopped = new AbortController();
    let count = 0;

    async function transcribe(request: IncomingMessage, response: ServerResponse, connection: number): Promise<void> {
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      const gone = AbortSignal.any([closed.signal, stopped.signal]);
      const failure = settings.takeFailure('openai');
      try {
        const asked = await readTranscriptionRequest(request);
        const { file, ...details } = asked;
        log.add('openai', 'request-received', connection, { ...details, bytes: file.length });
        const refusal = failure && refusals[failure.mode];
        if (refusal) return refuse(response, refusal);
        if (failure?.mode === 'hang') await wait(longestTimerMs, undefined, { signal: gone });
        await wait(settings.delays.transcriptionMs * (failure?.mode === 'slow' ? failure.factor : 1), undefined, {
          signal: gone,
        });
        if (failure?.mode === 'close') return void response.destroy();
        const text = textOf(asked, library, marks);
        log.add('openai', 'request-completed', connection, { characters: text.length });
        sendJson(response, 200, {
          text,
          usage: { type: 'tokens', input_tokens: 1, output_tokens: 1, total_tokens: 2 },
        });
      } catch (error) {
        if (closed.signal.aborted) log.add('openai', 'request-closed', connection);
        else if (error instanceof RefusedTranscription) {
          log.add('openai', 'unexpected-request', connection, { message: error.message, param: error.param });
          refuse(response, { status: 400, message: error.message, code: null }, error.param);
        } else if (!stopped.signal.aborted) throw error;
      }
    }

    return {
      vendor: 'openai',
      owns: (path) => path === `${prefix}/audio/transcriptions` || path.startsWith(`${prefix}/models/`),
      async http(request, response) {
        count += 1;
        const { pathname } = new URL(request.url ?? '/', 'http://sandbox');
        const route = `${request.method} ${pathname.slice(prefix.length)}`;
        const isKnown = route === 'POST /audio/transcriptions' || route.startsWith('GET /models/');
        if (!isKnown) {
          log.add('openai', 'unexpected-request', count, { message: `${route} is not modelled` });
          return refuse(response, { status: 404, message: `Invalid URL (${route})`, code: null });
        }
        if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) {
          log.add('openai', 'unexpected-request', count, { message: 'there is no key' });
          return refuse(response, { status: 401, message: "You didn't provide an API key.", code: null });
        }
        if (request.method === 'POST') return transcribe(request, response, count);
        const id = decodeURIComponent(pathname.slice(`${prefix}/models/`.length));
        if (settings.takeFailure('openai')?.mode === 'refuse') return refuse(response, refusals.refuse as Refusal);
        if (models.includes(id))
          return sendJson(response, 200, { id, object: 'model', created: 0, owned_by: 'openai' });
        refuse(response, { status: 404, message: `The model '${id}' does not exist`, code: 'model_not_found' });
      },
      close: () => stopped.abort(),
    };
  };
}

function refuse(
  response: ServerResponse,
  { status, message, code, headers }: Refusal,
  param: string | null = null,
): void {
  const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
  sendJson(response, status, { error: { message, type, param, code } }, headers);
}

/** @throws RefusedTranscription for audio that is not what the file's name says, or longer than the vendor takes. */
function textOf(
  { file, extension }: TranscriptionRequest,
  library: SpeechLibrary,
  marks: readonly SpokenMark[],
): string {
  if (!beginnings[extension]?.test(file.toString('latin1', 0, 16))) {
    throw new RefusedTranscription('Audio file might be corrupted or unsupported', 'file');
  }
  if (extension === 'wav') {
    const { samples, sampleRateHz } = readWav('file', file);
    const seconds = samples.length / sampleRateHz;
    if (seconds > longestSeconds) {
      throw new RefusedTranscription(
        `audio duration ${seconds} seconds is longer than ${longestSeconds} seconds which is the maximum for this model`,
      );
    }
    return wordsOfRecording(library, samples, sampleRateHz).join(' ');
  }
  return marks
    .map(({ mark, text }) => ({ at: file.indexOf(mark), text }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)
    .map(({ text }) => text)
    .join(' ');
}

/** How files of each ending begin. */
const beginnings: Readonly<Record<string, RegExp>> = {
  wav: /^RIFF[\s\S]{4}WAVE/,
  mp3: /^(ID3|\xff[\xe2-\xff])/,
  webm: /^[\s\S]E\xdf\xa3/,
  m4a: /^[\s\S]{4}ftyp/,
};
