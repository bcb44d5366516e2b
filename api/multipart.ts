import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import { AppError } from '../core/errors.ts';

/** What a form may hold. */
export interface FormLimits {
  /** Name of the one file. */
  file: string;
  fileBytes: number;
  /** Everything else together, what stands between the parts included. */
  otherBytes: number;
}

/** A form with one file. */
export interface FileForm {
  file: Uint8Array;
  fields: Record<string, string>;
}

const fieldCharacters = 8_192;
const mostFields = 16;

/**
 * Reads `multipart/form-data` (RFC 7578) with one file as it comes in. The file is written once, to where it stays, and memory
 * is taken as it fills. What is refused is refused at once: the rest of the body is left to the server to drain.
 * @throws AppError `unsupported_type` for another content type, `too_large`, and `invalid_input` for a form that is broken,
 * has no such file, or has anything twice.
 */
export async function readFileForm(request: Request, limits: FormLimits): Promise<FileForm> {
  const contentType = request.headers.get('content-type') ?? '';
  if (!/^multipart\/form-data\b/i.test(contentType)) {
    throw new AppError('unsupported_type', 'Send the body as multipart/form-data');
  }
  const mostBytes = limits.fileBytes + limits.otherBytes;
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) throw tooLarge(limits);
  const form = new FormReader(contentType, limits);
  const reader = (request.body ?? new Blob([]).stream()).getReader();
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await form.unlessRefused(reader.read());
      if (done) break;
      size += value.byteLength;
      if (size > mostBytes) throw tooLarge(limits);
      await form.unlessRefused(form.write(value));
    }
  } finally {
    // Cancelling would cut the connection, and the answer with it.
    reader.releaseLock();
  }
  return form.unlessRefused(form.end());
}

/** Takes a form apart. */
class FormReader {
  readonly #limits: FormLimits;
  readonly #parser: BusboyInstance;
  readonly #fields = new Map<string, string>();
  /** Reserved, not used: pages come into being as they are written to. */
  readonly #buffer: Buffer;
  #fileBytes: number | null = null;
  #refuse: (reason: AppError) => void = () => undefined;
  readonly #refused: Promise<never>;

  constructor(contentType: string, limits: FormLimits) {
    this.#limits = limits;
    this.#buffer = Buffer.allocUnsafeSlow(limits.fileBytes);
    this.#refused = new Promise((_, reject) => {
      this.#refuse = reject;
    });
    this.#refused.catch(() => undefined);
    this.#parser = parserOf(contentType, limits);
    this.#parser.on('file', (name, stream) => this.#takeFile(name, stream));
    this.#parser.on('field', (name, value, _nameTruncated, valueTruncated) => {
      if (this.#fields.has(name)) this.#refuse(AppError.field(name, 'is there twice'));
      if (valueTruncated) this.#refuse(AppError.field(name, `is longer than ${fieldCharacters} characters`));
      this.#fields.set(name, value);
    });
    this.#parser.on('fieldsLimit', () => this.#refuse(broken(`has more than ${mostFields} fields`)));
    this.#parser.on('error', () => this.#refuse(broken('is broken, or ends before its end')));
  }

  /** What comes of `work`, or the refusal of the form if that is first. */
  unlessRefused<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#refused, work]);
  }

  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#parser.write(chunk, () => resolve()));
  }

  async end(): Promise<FileForm> {
    await new Promise<void>((resolve) => {
      this.#parser.on('finish', resolve);
      this.#parser.end();
    });
    const { file } = this.#limits;
    if (this.#fileBytes === null) {
      const isField = this.#fields.has(file);
      throw AppError.field(file, isField ? 'is text: send it as a file, with a filename' : 'is missing');
    }
    return { file: this.#buffer.subarray(0, this.#fileBytes), fields: Object.fromEntries(this.#fields) };
  }

  #takeFile(name: string, stream: BusboyFileStream): void {
    // A part that ends early fails with its form.
    stream.on('error', () => undefined);
    if (name !== this.#limits.file || this.#fileBytes !== null) {
      this.#refuse(
        AppError.field(name, this.#fileBytes === null ? 'is not a file this takes' : 'is one file too many'),
      );
      stream.resume();
      return;
    }
    let size = 0;
    this.#fileBytes = 0;
    stream.on('limit', () => this.#refuse(tooLarge(this.#limits)));
    stream.on('data', (chunk: Buffer) => {
      chunk.copy(this.#buffer, size);
      size += chunk.length;
      this.#fileBytes = size;
    });
  }
}

/** @throws AppError `invalid_input` when the content type names no boundary. */
function parserOf(contentType: string, { fileBytes }: FormLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: { fileSize: fileBytes, fieldSize: fieldCharacters, fields: mostFields, files: 2, headerPairs: 20 },
    });
  } catch {
    throw broken('has no boundary in its content type');
  }
}

function broken(what: string): AppError {
  return new AppError('invalid_input', `The form ${what}`);
}

function tooLarge({ file, fileBytes }: FormLimits): AppError {
  return new AppError('too_large', `${file}: is larger than ${fileBytes / (1_024 * 1_024)} MiB`);
}
