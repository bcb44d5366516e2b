import type { IncomingMessage } from 'node:http';
import { Busboy } from '@fastify/busboy';

/** A request to transcribe, once it is found to be one that the real endpoint takes. */
export interface TranscriptionRequest {
  file: Buffer;
  /** Ending of the file's name, by which the vendor tells the format. */
  extension: string;
  model: string;
  language: string | null;
  prompt: string;
}

/** Why the real endpoint would refuse a request, in the manner of its error bodies. */
export class RefusedTranscription extends Error {
  readonly param: string | null;

  constructor(message: string, param: string | null = null) {
    super(message);
    this.param = param;
  }
}

/** Parameters of the endpoint (https://platform.openai.com/docs/api-reference/audio/createTranscription). */
const parameters: ReadonlySet<string> = new Set(
  (
    'file model chunking_strategy include[] known_speaker_names[] known_speaker_references[] language prompt ' +
    'response_format stream temperature timestamp_granularities[]'
  ).split(' '),
);

/** What each model answers in. */
const responseFormats: Readonly<Record<string, readonly string[]>> = {
  'gpt-4o-transcribe': ['json'],
  'gpt-4o-mini-transcribe': ['json'],
  'gpt-4o-transcribe-diarize': ['json', 'text', 'diarized_json'],
  'whisper-1': ['json', 'text', 'srt', 'verbose_json', 'vtt'],
};

/** Models there are. */
export const models = Object.keys(responseFormats);

const extensions = ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm'];
const largestFileBytes = 25 * 1024 * 1024;

interface Form {
  fields: Map<string, string>;
  file: Buffer | null;
  fileName: string;
}

/**
 * Reads a request for a transcription and holds it against the endpoint's rules.
 * @throws RefusedTranscription naming what the real endpoint would refuse, or what these stand-ins don't do.
 */
export async function readTranscriptionRequest(request: IncomingMessage): Promise<TranscriptionRequest> {
  const { fields, file, fileName } = await readForm(request);
  for (const name of fields.keys()) {
    if (!parameters.has(name)) throw new RefusedTranscription(`Unrecognized request argument supplied: ${name}`, name);
  }
  const model = fields.get('model') ?? '';
  const format = fields.get('response_format') ?? 'json';
  if (!file) throw new RefusedTranscription('file is required', 'file');
  if (!responseFormats[model]) throw new RefusedTranscription(`invalid model ID: ${model}`, 'model');
  if (!responseFormats[model].includes(format)) {
    throw new RefusedTranscription(
      `response_format '${format}' is not compatible with model '${model}'.`,
      'response_format',
    );
  }
  if (format !== 'json') throw new RefusedTranscription(`response_format ${format} is not modelled`, 'response_format');
  if ((fields.get('stream') ?? 'false') !== 'false') throw new RefusedTranscription('stream is not modelled', 'stream');
  const language = fields.get('language') ?? null;
  if (language !== null && !/^[a-z]{2}$/.test(language)) {
    throw new RefusedTranscription(
      `Invalid language '${language}'. Language parameter must be specified in ISO-639-1 format.`,
    );
  }
  const prompt = fields.get('prompt') ?? '';
  if (model.endsWith('-diarize') && prompt) {
    throw new RefusedTranscription('Prompt is not supported for diarization models', 'prompt');
  }
  if (model.endsWith('-diarize') && !fields.has('chunking_strategy')) {
    throw new RefusedTranscription('chunking_strategy is required for diarization models', 'chunking_strategy');
  }
  const extension = fileName.slice(fileName.lastIndexOf('.') + 1).toLowerCase();
  if (!extensions.includes(extension)) {
    throw new RefusedTranscription(`Unsupported file format ${extension}`, 'file');
  }
  if (!file.length) throw new RefusedTranscription('Audio file might be corrupted or unsupported', 'file');
  return { file, extension, model, language, prompt };
}

function readForm(request: IncomingMessage): Promise<Form> {
  const form: Form = { fields: new Map(), file: null, fileName: '' };
  return new Promise((resolve, reject) => {
    const contentType = request.headers['content-type'] ?? '';
    if (!/^multipart\/form-data; *boundary=/i.test(contentType)) {
      request.resume();
      reject(new RefusedTranscription(`you must provide a multipart form, not ${contentType}`));
      return;
    }
    const parser = new Busboy({
      headers: { ...request.headers, 'content-type': contentType },
      limits: { fileSize: largestFileBytes + 1 },
    });
    parser.on('field', (name, value) => form.fields.set(name, value));
    parser.on('file', (name, stream, fileName) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (name !== 'file') form.fields.set(name, '');
        else [form.file, form.fileName] = [Buffer.concat(chunks), fileName];
      });
    });
    parser.on('error', reject);
    parser.on('finish', () => {
      if (form.file && form.file.length > largestFileBytes) {
        reject(new RefusedTranscription('Maximum content size limit (26214400) exceeded', 'file'));
      } else resolve(form);
    });
    request.on('close', () => {
      if (!request.readableEnded) reject(new Error('the client went away'));
    });
    request.pipe(parser);
  });
}
